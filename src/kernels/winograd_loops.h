/*
 * How a group of tiles goes through the parts of the channels, for one instruction set. Included
 * once by each winograd_<set>.c, after it has defined
 *   weight_number                     the type of transformed weights
 *   sizes                             with `in` and `out`, the blocks of a part
 *   group                             with `w`, `n` tiles, and the parts it is at: first_in, n_in,
 *                                     first_out, n_out
 *   tile_read(g, in, t)               the inputs of a tile, for the part of the input channels
 *   parts_multiply(g, weight)         one part by another; returns the weights of the next ones
 *   tile_write(g, bias, out, t)       the outputs of a tile, for the part of the output channels
 */

/* For each part of the output channels, those of the input channels one after the other: inputs are
 * transformed anew each time unless one part has all of them. */
static void group_run(group *g, sizes most, const void *in, const weight_number *weight,
                      const float *bias, void *out) {
    const dnnb__winograd *w = g->w;
    for (g->first_out = 0; g->first_out < w->out_blocks; g->first_out += most.out) {
        g->n_out = smaller(most.out, w->out_blocks - g->first_out);
        for (g->first_in = 0; g->first_in < w->in_blocks; g->first_in += most.in) {
            g->n_in = smaller(most.in, w->in_blocks - g->first_in);
            bool is_transformed = g->first_out > 0 && most.in == w->in_blocks;
            for (int64_t t = 0; t < (is_transformed ? 0 : g->n); t++) tile_read(g, in, t);
            weight = parts_multiply(g, weight);
        }
        for (int64_t t = 0; t < g->n; t++) tile_write(g, bias, out, t);
    }
}
