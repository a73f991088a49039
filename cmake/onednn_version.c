/* Prints the version of the oneDNN library that it runs with; see onednn.cmake. */
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>

int main(void) {
    const dnnl_version_t *version = dnnl_version();
    return printf("%d.%d.%d", version->major, version->minor, version->patch) < 0;
}
