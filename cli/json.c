/*
 * A walk over a JSON text.
 *
 * Method: recursive descent; the path to the value at hand is kept in one buffer that each level
 * extends and cuts again. Texts longer than the buffers are cut, which a summary for people bears.
 * Invariant: the buffers end with NUL, and depth is bounded. Source: RFC 8259.
 */
#include "cli/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 32 };

typedef struct walk {
    const char *at;
    char path[CLI_JSON_PATH_BYTES];
    cli_json_fn visit;
    void *context;
} walk;

static bool walk_value(walk *w, int depth);

static void skip_space(walk *w) {
    w->at += strspn(w->at, " \t\r\n");
}

static bool take(walk *w, char c) {
    skip_space(w);
    if (*w->at != c) return false;
    w->at++;
    return true;
}

static void add_byte(char *out, size_t n_out, size_t *used, unsigned c) {
    if (*used + 1 < n_out) out[(*used)++] = (char)c;
}

/* A \uXXXX below the surrogates as UTF-8; a surrogate as '?'. */
static bool add_unicode(walk *w, char *out, size_t n_out, size_t *used) {
    char digits[5] = "";
    if (strspn(w->at, "0123456789abcdefABCDEF") < 4) return false;
    memcpy(digits, w->at, 4);
    w->at += 4;
    unsigned c = (unsigned)strtoul(digits, NULL, 16);
    if (c >= 0xd800 && c < 0xe000) c = '?';
    if (c < 0x80) {
        add_byte(out, n_out, used, c);
    } else if (c < 0x800) {
        add_byte(out, n_out, used, 0xc0 | c >> 6);
        add_byte(out, n_out, used, 0x80 | (c & 0x3f));
    } else {
        add_byte(out, n_out, used, 0xe0 | c >> 12);
        add_byte(out, n_out, used, 0x80 | (c >> 6 & 0x3f));
        add_byte(out, n_out, used, 0x80 | (c & 0x3f));
    }
    return true;
}

static bool read_string(walk *w, char *out, size_t n_out) {
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    size_t used = 0;
    out[0] = '\0';
    if (!take(w, '"')) return false;
    while (*w->at != '"') {
        unsigned char c = (unsigned char)*w->at++;
        if (c < 0x20) return false;
        if (c != '\\') {
            add_byte(out, n_out, &used, c);
            continue;
        }
        c = (unsigned char)*w->at++;
        const char *escape = c ? strchr(escapes, c) : NULL;
        if (escape)
            add_byte(out, n_out, &used, (unsigned char)meanings[escape - escapes]);
        else if (c != 'u' || !add_unicode(w, out, n_out, &used))
            return false;
    }
    w->at++;
    out[used] = '\0';
    return true;
}

/* Extend the path by a key; returns its length before. */
static size_t push(walk *w, const char *key) {
    size_t n = strlen(w->path);
    snprintf(w->path + n, sizeof w->path - n, "%s%s", n ? "." : "", key);
    return n;
}

static bool walk_object(walk *w, int depth) {
    if (take(w, '}')) return true;
    do {
        char key[128];
        if (!read_string(w, key, sizeof key) || !take(w, ':')) return false;
        size_t n = push(w, key);
        if (!walk_value(w, depth + 1)) return false;
        w->path[n] = '\0';
    } while (take(w, ','));
    return take(w, '}');
}

static bool walk_array(walk *w, int depth) {
    if (take(w, ']')) return true;
    size_t i = 0;
    do {
        char key[24];
        snprintf(key, sizeof key, "%zu", i++);
        size_t n = push(w, key);
        if (!walk_value(w, depth + 1)) return false;
        w->path[n] = '\0';
    } while (take(w, ','));
    return take(w, ']');
}

static bool walk_value(walk *w, int depth) {
    char value[CLI_JSON_VALUE_BYTES];
    if (depth > DEEPEST) return false;
    skip_space(w);
    if (take(w, '{')) return walk_object(w, depth);
    if (take(w, '[')) return walk_array(w, depth);
    if (*w->at == '"') {
        if (!read_string(w, value, sizeof value)) return false;
    } else {
        size_t n = strspn(w->at, "+-.0123456789abcdefghijklmnopqrstuvwxyzEINT");
        if (n == 0 || n >= sizeof value) return false;
        memcpy(value, w->at, n);
        value[n] = '\0';
        w->at += n;
    }
    w->visit(w->context, w->path, value);
    return true;
}

bool cli_json_walk(const char *text, cli_json_fn visit, void *context) {
    walk w = {.at = text, .visit = visit, .context = context};
    if (!walk_value(&w, 0)) return false;
    skip_space(&w);
    return *w.at == '\0';
}
