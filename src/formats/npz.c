/*
 * .npz: a zip whose entries are .npy arrays, `<name>.npy`.
 *
 * Stored entries are used in the mapped file where their elements lie aligned; ours always do.
 * Entries are added to the dict in the order of the archive.
 * Source: numpy/lib/npyio.py.
 */
#include <stdlib.h>
#include <string.h>

#include "formats/npy.h"
#include "formats/zip.h"

static const char ending[] = ".npy";
enum { N_ENDING = sizeof ending - 1 };

static bool ends_with(const char *name, size_t n) {
    return n > N_ENDING && memcmp(name + n - N_ENDING, ending, N_ENDING) == 0;
}

bool dnnb__npz_is(const uint8_t *bytes, size_t n) {
    size_t n_name;
    const char *name = dnnb__zip_get_first_name(bytes, n, &n_name);
    return name && ends_with(name, n_name);
}

/* ---- reading ---- */

static dnnb_status read_entry(dnnb_dict *dict, dnnb__zip *zip, dnnb__zip_entry *e) {
    size_t n = strlen(e->name);
    if (!ends_with(e->name, n) || !dnnb__name_is_valid(e->name, n - N_ENDING))
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: entry '%.64s': expected a name such as 'weight.npy'", zip->name,
                          e->name);
    char place[1024];
    dnnb__part part;
    dnnb_tensor *t = NULL;
    (void)snprintf(place, sizeof place, "%s: entry '%s'", zip->name, e->name);
    DNNB_TRY(dnnb__zip_get_part(zip, e, 1, &part));
    DNNB_TRY(dnnb__npy_parse(&t, &part, place));
    char *name = dnnb__strndup(e->name, n - N_ENDING);
    dnnb_status status = name ? dnnb_dict_add(dict, name, t) : dnnb__fail_memory();
    dnnb__free(name);
    if (status != DNNB_OK) dnnb_tensor_destroy(t);
    return status;
}

static int compare_place(const void *a, const void *b) {
    const dnnb__zip_entry *x = *(dnnb__zip_entry *const *)a, *y = *(dnnb__zip_entry *const *)b;
    return (x->directory_at > y->directory_at) - (x->directory_at < y->directory_at);
}

static dnnb_status read_entries(dnnb_dict *dict, dnnb__zip *zip) {
    dnnb__zip_entry **order = dnnb__alloc(zip->n, sizeof *order);
    if (!order) return dnnb__fail_memory();
    for (size_t i = 0; i < zip->n; i++) order[i] = &zip->entries[i];
    qsort(order, zip->n, sizeof *order, compare_place);
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; i < zip->n && status == DNNB_OK; i++)
        status = read_entry(dict, zip, order[i]);
    dnnb__free(order);
    return status;
}

dnnb_status dnnb__npz_read(dnnb_dict *dict, dnnb__storage *s, const char *name) {
    dnnb__zip zip;
    DNNB_TRY(dnnb__zip_open(&zip, s, name));
    dnnb_status status = read_entries(dict, &zip);
    dnnb__zip_close(&zip);
    return status;
}

/* ---- writing ---- */

static dnnb_status write_entry(dnnb__zip_writer *zip, const char *name, const dnnb_tensor *t) {
    char path[DNNB__NAME_MAX_BYTES + sizeof ending];
    dnnb__buf header;
    dnnb__buf_init(&header, 1 << 12);
    (void)snprintf(path, sizeof path, "%s%s", name, ending);
    dnnb_status status = dnnb__npy_make_header(&header, t, name);
    if (status == DNNB_OK)
        status =
            dnnb__zip_writer_begin(zip, path, header.n_bytes + dnnb__tensor_get_packed_bytes(t));
    if (status == DNNB_OK) status = dnnb__zip_writer_write(zip, header.data, header.n_bytes);
    if (status == DNNB_OK) status = dnnb__zip_writer_write_tensor(zip, t);
    if (status == DNNB_OK) status = dnnb__zip_writer_end(zip);
    dnnb__buf_destroy(&header);
    return status;
}

dnnb_status dnnb__npz_write(const dnnb_dict *dict, dnnb__writer *w) {
    dnnb__zip_writer zip;
    DNNB_TRY(dnnb__zip_writer_open(&zip, w));
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; i < dnnb_dict_get_count(dict) && status == DNNB_OK; i++)
        status = write_entry(&zip, dnnb_dict_get_name(dict, i), dnnb_dict_get_tensor(dict, i));
    if (status == DNNB_OK) return dnnb__zip_writer_finish(&zip);
    dnnb__zip_writer_destroy(&zip);
    return status;
}
