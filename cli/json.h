/* The scalars of a JSON text, one after the other: enough to read a run's config.json. */
#ifndef DNNB_CLI_JSON_H
#define DNNB_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum { CLI_JSON_PATH_BYTES = 256, CLI_JSON_VALUE_BYTES = 1024 };

/** A scalar: where it stands ("optimizer.lr", "inputs.0.path") and its text, quotes taken off. */
typedef void (*cli_json_fn)(void *context, const char *path, const char *value);

/** Visit every scalar. False when the text is no JSON, or nested deeper than 32. */
bool cli_json_walk(const char *text, cli_json_fn visit, void *context);

#endif
