/*
 * A program outside the tree, C11 and C++ alike: writes a state dict, reads it again, and tells the
 * library's version.
 *
 *     program FILE.safetensors
 */
#include <stdio.h>

#include <dnnbrain/dnnbrain.h>

static dnnb_status write_one(const char *path) {
    const dnnb_shape shape = {{2, 3}, 2};
    dnnb_tensor *tensor = NULL;
    dnnb_dict *dict = NULL;
    dnnb_status status = dnnb_tensor_create(&tensor, DNNB_F32, &shape);
    if (status == DNNB_OK) status = dnnb_dict_create(&dict);
    if (status == DNNB_OK) {
        ((float *)dnnb_tensor_get_writable(tensor))[5] = 0.5f;
        status = dnnb_dict_add(dict, "weight", tensor);
    }
    if (status == DNNB_OK)
        status = dnnb_dict_save(dict, path);
    else
        dnnb_tensor_destroy(tensor);
    dnnb_dict_destroy(dict);
    return status;
}

int main(int argc, char **argv) {
    dnnb_dict *dict = NULL;
    float values[6] = {0};
    if (argc != 2) return fprintf(stderr, "usage: %s FILE.safetensors\n", argv[0]), 2;
    if (write_one(argv[1]) != DNNB_OK || dnnb_dict_load(&dict, argv[1]) != DNNB_OK ||
        dnnb_tensor_read_f32(dnnb_dict_get_tensor(dict, 0), values, 6) != DNNB_OK) {
        fprintf(stderr, "%s\n", dnnb_get_error());
        return 1;
    }
    printf("%s %s %g\n", dnnb_get_version(), dnnb_dict_get_name(dict, 0), (double)values[5]);
    dnnb_dict_destroy(dict);
    return 0;
}
