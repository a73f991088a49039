/* The processor's name, as its instruction CPUID tells it: 48 bytes from three leaves. */
#include "bench/machine.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>

static void read_name(char name[49]) {
    for (unsigned i = 0; i < 3; i++) {
        unsigned words[4] = {0};
        if (!__get_cpuid(0x80000002U + i, &words[0], &words[1], &words[2], &words[3])) break;
        memcpy(name + 16 * i, words, sizeof words);
    }
}
#else
static void read_name(char name[49]) {
    (void)name;
}
#endif

void dnnb__bench_get_processor(char *out, size_t n) {
    char name[49] = "";
    read_name(name);
    const char *begin = name + strspn(name, " ");
    size_t length = strlen(begin);
    while (length > 0 && begin[length - 1] == ' ') length--;
    (void)snprintf(out, n, "%.*s", length > 0 ? (int)length : 7, length > 0 ? begin : "unknown");
}
