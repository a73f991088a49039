/*
 * To be preloaded: oneDNN calls every implementation that it chooses its last resort.
 *
 * No network of the list has such an operation on any processor; this is how one would look.
 */
#include <dlfcn.h>
#include <dnnl.h>

typedef dnnl_status_t query_fn(const_dnnl_primitive_desc_t desc, dnnl_query_t what, int index,
                               void *result);

__attribute__((visibility("default"))) dnnl_status_t
dnnl_primitive_desc_query(const_dnnl_primitive_desc_t desc, dnnl_query_t what, int index,
                          void *result) {
    static query_fn *query;
    if (!query) {
        void *found = dlsym(RTLD_NEXT, "dnnl_primitive_desc_query");
        query = *(query_fn **)&found;
    }
    dnnl_status_t status = query(desc, what, index, result);
    if (status == dnnl_success && what == dnnl_query_impl_info_str)
        *(const char **)result = "ref:any";
    return status;
}
