/*
 * AMX on a processor that has AVX512_BF16 alone: a program that this is linked into runs the
 * kernels with AMX and is told that it can, so that they are tested on machines without it.
 *
 * Method: the processor refuses the instructions (SIGILL); the handler reads the one that was
 * refused, does to tiles of its own, one set a thread, what it would have done, and goes on after
 * it. The linker's --wrap puts the two functions below in the place of those that ask for AMX. On a
 * processor that has it nothing is changed.
 *
 * A sum is made as the processor makes it: the even and the odd products of a row in a chain of
 * fused multiply-adds each, and their sum is added to the tile; numbers below the normal ones are
 * zero. Source: Intel Architecture Instruction Set Extensions, chapter "AMX"; its Software
 * Developer's Manual, volume 2, for the encodings.
 */
#include <float.h>
#include <math.h>
#include <oneapi/dnnl/dnnl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "core/isa.h"

bool __real_dnnb__amx_can_run(void);
bool __wrap_dnnb__amx_can_run(void);
dnnl_cpu_isa_t __real_dnnl_get_effective_cpu_isa(void);
dnnl_cpu_isa_t __wrap_dnnl_get_effective_cpu_isa(void);

enum { N_TILES = 8, ROWS = 16, ROW_BYTES = 64, COLUMNS = ROW_BYTES / 4 };

typedef union row {
    uint8_t bytes[ROW_BYTES];
    uint16_t halves[ROW_BYTES / 2];
    float floats[COLUMNS];
} row;

/* As LDTILECFG reads it. */
typedef struct configuration {
    uint8_t palette, start_row, unused[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} configuration;

static _Thread_local configuration config;
static _Thread_local row tiles[N_TILES][ROWS];

/* An instruction, taken apart. */
typedef struct instruction {
    int length;
    int prefix; /* 0, 1: 66, 2: F3, 3: F2 */
    uint8_t opcode;
    int mod, reg, rm; /* of the byte after it */
    int third;        /* vvvv */
    uint8_t *address; /* of memory, where mod is not 3, and from row to row */
    int64_t step;
} instruction;

static int64_t get_register(const ucontext_t *context, int number) {
    static const int places[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                   REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                   REG_R12, REG_R13, REG_R14, REG_R15};
    return context->uc_mcontext.gregs[places[number]];
}

/* The address that follows the ModRM byte. */
static void read_address(instruction *i, const uint8_t *at, const ucontext_t *context, int x,
                         int b) {
    int32_t distance = 0;
    int64_t base;
    if (i->rm == 4) {
        uint8_t sib = *at++;
        int index = (sib >> 3 & 7) | x << 3;
        i->step = index == 4 ? 0 : get_register(context, index) << (sib >> 6);
        if ((sib & 7) == 5 && i->mod == 0) abort(); /* no base: compilers do not write it here */
        base = get_register(context, (sib & 7) | b << 3);
        i->length++;
    } else if (i->rm == 5 && i->mod == 0) { /* from the next instruction on */
        memcpy(&distance, at, 4);
        i->length += 4;
        base = context->uc_mcontext.gregs[REG_RIP] + i->length;
    } else {
        base = get_register(context, i->rm | b << 3);
    }
    if (i->mod == 1) {
        distance = (int8_t)*at;
        i->length += 1;
    } else if (i->mod == 2) {
        memcpy(&distance, at, 4);
        i->length += 4;
    }
    i->address = (uint8_t *)(base + distance);
}

/* @return false: it is none of AMX's. */
static bool read_instruction(instruction *i, const uint8_t *at, const ucontext_t *context) {
    if (at[0] != 0xc4 || (at[1] & 0x1f) != 2) return false; /* VEX of three bytes, 0F 38 */
    int x = !(at[1] >> 6 & 1), b = !(at[1] >> 5 & 1);
    *i = (instruction){.length = 5,
                       .prefix = at[2] & 3,
                       .opcode = at[3],
                       .mod = at[4] >> 6,
                       .reg = at[4] >> 3 & 7,
                       .rm = at[4] & 7,
                       .third = ~(at[2] >> 3) & 15};
    if (i->mod != 3) read_address(i, at + 5, context, x, b);
    return i->opcode == 0x49 || i->opcode == 0x4b || i->opcode == 0x5c;
}

/* Of numbers below the normal ones, zeros. */
static inline float flush(float value) {
    return fabsf(value) < FLT_MIN ? 0.0f : value;
}

static inline float widen(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return flush(value);
}

/* What lies behind a tile's rows and columns is zero. */
__attribute__((target("avx2,fma"))) static void multiply(row *sums, const row *a, const row *b,
                                                         int n_rows, int n_pairs) {
    float even[ROWS][COLUMNS], odd[ROWS][COLUMNS];
    for (int k = 0; k < n_pairs; k++)
        for (int n = 0; n < COLUMNS; n++) {
            even[k][n] = widen(b[k].halves[2 * n]);
            odd[k][n] = widen(b[k].halves[2 * n + 1]);
        }
    for (int m = 0; m < n_rows; m++) {
        float first[COLUMNS] = {0}, second[COLUMNS] = {0};
        for (int k = 0; k < n_pairs; k++) {
            float x = widen(a[m].halves[2 * k]), y = widen(a[m].halves[2 * k + 1]);
            for (int n = 0; n < COLUMNS; n++) {
                first[n] = flush(fmaf(x, even[k][n], first[n]));
                second[n] = flush(fmaf(y, odd[k][n], second[n]));
            }
        }
        for (int n = 0; n < COLUMNS; n++)
            sums[m].floats[n] = flush(flush(sums[m].floats[n]) + flush(first[n] + second[n]));
    }
}

static void configure(const instruction *i) {
    memset(tiles, 0, sizeof tiles);
    if (i->mod == 3)
        memset(&config, 0, sizeof config); /* TILERELEASE */
    else
        memcpy(&config, i->address, sizeof config);
}

static void load(const instruction *i) {
    memset(tiles[i->reg], 0, sizeof tiles[i->reg]);
    for (int k = 0; k < config.rows[i->reg]; k++)
        memcpy(tiles[i->reg][k].bytes, i->address + k * i->step, config.row_bytes[i->reg]);
}

static void store(const instruction *i) {
    for (int k = 0; k < config.rows[i->reg]; k++)
        memcpy(i->address + k * i->step, tiles[i->reg][k].bytes, config.row_bytes[i->reg]);
}

/* @return false: one that is not known here. */
static bool run(const instruction *i) {
    if (i->opcode == 0x49 && i->prefix == 0)
        configure(i);
    else if (i->opcode == 0x49 && i->prefix == 3 && i->mod == 3)
        memset(tiles[i->reg], 0, sizeof tiles[i->reg]);
    else if (i->opcode == 0x4b && (i->prefix == 3 || i->prefix == 1))
        load(i);
    else if (i->opcode == 0x4b && i->prefix == 2)
        store(i);
    else if (i->opcode == 0x5c && i->prefix == 2)
        multiply(tiles[i->reg], tiles[i->rm], tiles[i->third], config.rows[i->reg],
                 config.row_bytes[i->rm] / 4);
    else
        return false;
    return true;
}

/* At the next attempt the signal ends the program. */
static void end_at(int number) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    (void)sigaction(number, &action, NULL);
}

static void emulate(int number, siginfo_t *info, void *memory) {
    ucontext_t *context = memory;
    instruction i;
    (void)info;
    const uint8_t *at = (const uint8_t *)context->uc_mcontext.gregs[REG_RIP];
    if (read_instruction(&i, at, context) && run(&i))
        context->uc_mcontext.gregs[REG_RIP] += i.length;
    else
        end_at(number);
}

/* cmocka has handlers of its own, put in place by this function of the C library; ours stays. */
__attribute__((visibility("default"))) __sighandler_t signal(int number, __sighandler_t handler) {
    if (number == SIGILL) return SIG_DFL;
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, before;
    return sigaction(number, &action, &before) == 0 ? before.sa_handler : SIG_ERR;
}

static bool can_emulate(void) {
    if (dnnb__isa_is_limited() || __real_dnnb__amx_can_run()) return false;
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl");
}

__attribute__((constructor)) static void begin(void) {
    if (!can_emulate()) return;
    struct sigaction action = {.sa_sigaction = emulate, .sa_flags = SA_SIGINFO};
    if (sigaction(SIGILL, &action, NULL) != 0) abort();
    printf("AMX is emulated\n");
}

bool __wrap_dnnb__amx_can_run(void) {
    return can_emulate() || __real_dnnb__amx_can_run();
}

/* oneDNN goes on without it. */
dnnl_cpu_isa_t __wrap_dnnl_get_effective_cpu_isa(void) {
    return can_emulate() ? dnnl_cpu_isa_avx512_core_amx : __real_dnnl_get_effective_cpu_isa();
}
