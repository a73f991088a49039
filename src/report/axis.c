/*
 * Ticks at 1, 2 or 5 times a power of ten, labels with as many digits as the step needs.
 *
 * Invariant: whatever the values, the bounds are finite and apart, and the ticks are few.
 */
#include "report/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool dnnb__axis_can_show(double value) {
    return isfinite(value) && fabs(value) <= DNNB__AXIS_LARGEST;
}

double dnnb__axis_place(const dnnb__axis *axis, double value) {
    if (!axis->is_log) return (value - axis->least) / (axis->most - axis->least);
    return (log10(value) - log10(axis->least)) / (log10(axis->most) - log10(axis->least));
}

double dnnb__axis_round_step(double raw) {
    double power = pow(10, floor(log10(raw)));
    static const double factors[] = {1, 2, 5};
    for (size_t i = 0; i < 3; i++)
        if (raw <= factors[i] * power * (1 + 1e-9)) return factors[i] * power;
    return 10 * power;
}

/* 10 to the power of `exponent` in superscript digits, after `prefix`. */
static void write_power(char *out, size_t n_out, const char *prefix, int exponent) {
    static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char number[16];
    (void)snprintf(number, sizeof number, "%d", exponent);
    int used = snprintf(out, n_out, "%s10", prefix);
    for (const char *p = number; *p; p++)
        used +=
            snprintf(out + used, n_out - (size_t)used, "%s", *p == '-' ? "⁻" : digits[*p - '0']);
}

void dnnb__axis_write_count(char out[32], double value) {
    const size_t n_out = 32;
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%.0f", fabs(value));
    size_t used = 0;
    if (value < 0) used = (size_t)snprintf(out, n_out, "-");
    for (int i = 0; i < n && used + 2 < n_out; i++) {
        if (n > 4 && i > 0 && (n - i) % 3 == 0) out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
}

static void add_tick(dnnb__axis *axis, double value) {
    if (axis->n_ticks < DNNB__AXIS_MAX_TICKS)
        axis->ticks[axis->n_ticks++] = (dnnb__tick){.value = value};
}

/* Every multiple of the step within the bounds; counted, not summed, so that 0 is exactly 0. */
static void add_multiples(dnnb__axis *axis, double step) {
    double first = ceil(axis->least / step - 1e-6), last = floor(axis->most / step + 1e-6);
    for (double k = first; k <= last && axis->n_ticks < DNNB__AXIS_MAX_TICKS; k++)
        add_tick(axis, k == 0 ? 0 : k * step);
}

void dnnb__axis_create_counts(dnnb__axis *axis, double last, size_t n_wanted) {
    *axis = (dnnb__axis){0};
    double first = 1, range = last - first, room = range > 0 ? 0.02 * range : 0.5;
    double step = range > 0 ? dnnb__axis_round_step(range / (double)n_wanted) : 1;
    axis->least = first - room;
    axis->most = last + room;
    if (step < 1) step = 1;
    if (step >= 5) add_tick(axis, first);
    double least = axis->least;
    axis->least = first; /* the room before the first holds no count */
    add_multiples(axis, step);
    axis->least = least;
    for (size_t i = 0; i < axis->n_ticks; i++)
        dnnb__axis_write_count(axis->ticks[i].label, axis->ticks[i].value);
}

static void label_values(dnnb__axis *axis, double step) {
    double largest = fmax(fabs(axis->least), fabs(axis->most));
    int exponent = 0;
    if (largest >= 1e5 || largest < 1e-3) exponent = (int)floor(log10(largest) + 1e-9);
    double unit = pow(10, exponent);
    int n_decimals = (int)ceil(-log10(step / unit) - 1e-9);
    if (n_decimals < 0) n_decimals = 0;
    if (exponent) write_power(axis->factor, sizeof axis->factor, "×", exponent);
    for (size_t i = 0; i < axis->n_ticks; i++)
        (void)snprintf(axis->ticks[i].label, sizeof axis->ticks[i].label, "%.*f", n_decimals,
                       axis->ticks[i].value / unit);
}

/* The largest of 1, 2, 5 times a power of ten that is not above a value. */
static double round_down(double value) {
    double power = pow(10, floor(log10(value) + 1e-9)), ratio = value / power * (1 + 1e-9);
    return ratio >= 5 ? 5 * power : ratio >= 2 ? 2 * power : power;
}

/* Powers of ten within the bounds. The bounds are powers themselves where these are few, or where
 * some are left out, and else the nearest of 1, 2, 5 times a power: less of the plot is empty. */
void dnnb__axis_create_log(dnnb__axis *axis, double least, double most, size_t n_wanted) {
    *axis = (dnnb__axis){.is_log = true};
    int first = (int)floor(log10(least) + 1e-9), last = (int)ceil(log10(most) - 1e-9), step = 1;
    if (first == last) last++;
    while ((size_t)((last - first) / step) > n_wanted) step++;
    first = (int)floor((double)first / step) * step;
    last = (int)ceil((double)last / step) * step;
    /* The outermost powers can lie beyond what a double holds. */
    axis->least = fmax(pow(10, first), 1e-307);
    axis->most = fmin(pow(10, last), 1e301);
    if (step == 1 && last - first > 2) {
        axis->least = fmax(axis->least, round_down(least));
        axis->most = fmin(axis->most, dnnb__axis_round_step(most));
    }
    for (int e = first; e <= last; e += step) {
        double value = pow(10, e);
        if (e < -307 || e > 301 || value < axis->least * (1 - 1e-9) ||
            value > axis->most * (1 + 1e-9))
            continue;
        add_tick(axis, value);
        dnnb__tick *tick = &axis->ticks[axis->n_ticks - 1];
        write_power(tick->label, sizeof tick->label, "", e);
    }
}

void dnnb__axis_create_values(dnnb__axis *axis, double least, double most, double floor_value,
                              double ceiling, size_t n_wanted) {
    *axis = (dnnb__axis){0};
    double size = fmax(fabs(least), fabs(most)), low = least, high = most;
    if (high - low <= 1e-6 * size || high - low < 1e-300) {
        double room = size > 1e-290 ? 0.1 * size : 0.1; /* all equal, or apart by rounding alone */
        low -= room;
        high += room;
    } else {
        low -= 0.04 * (high - low);
        high += 0.04 * (high - low);
    }
    if (least >= 0 && least < 0.35 * most) low = 0;
    if (low < floor_value && least >= floor_value) low = floor_value;
    if (high > ceiling && most <= ceiling) high = ceiling;
    double step = dnnb__axis_round_step((high - low) / (double)n_wanted);
    axis->least = floor(low / step + 1e-6) * step;
    axis->most = ceil(high / step - 1e-6) * step;
    add_multiples(axis, step);
    label_values(axis, step);
}

void dnnb__axis_trim(dnnb__axis *axis, double least, double most) {
    double room = 0.04 * (most - least), low = least - room, high = most + room;
    size_t n = 0;
    for (size_t i = 0; i < axis->n_ticks; i++)
        n += axis->ticks[i].value >= low && axis->ticks[i].value <= high;
    if (axis->is_log || n < 2 || !(low < high)) return;
    axis->least = fmax(axis->least, low);
    axis->most = fmin(axis->most, high);
    n = 0;
    for (size_t i = 0; i < axis->n_ticks; i++)
        if (axis->ticks[i].value >= axis->least && axis->ticks[i].value <= axis->most)
            axis->ticks[n++] = axis->ticks[i];
    axis->n_ticks = n;
}
