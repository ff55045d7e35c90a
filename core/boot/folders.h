/* folders.h - where plugins and data files are looked for, and which plugins are there. Boot thread. */
#ifndef BOOT_FOLDERS_H
#define BOOT_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "boot/declare.h"

#define FOLDERS_OURS 2

/* `more` (relative to `base`; may be NULL), then those that came with the program, which need not be there: plugins/ beside
 * the executable, ../lib/llm-gateway/plugins. Who names a folder means it: its plugins go before ours. NULL-terminated,
 * arena. */
const char *const *folders_make(struct arena *arena, const struct declare_texts *more, const char *base);

/* Those that came with the program alone: FOLDERS_OURS of them, NULL-terminated, arena. */
const char *const *folders_ours(struct arena *arena);
/* Is `folder`, of folders_make(), one of them? */
bool folders_is_ours(struct arena *arena, const char *folder);

/* The path of a data file that comes with the program: beside the executable, else in ../share/llm-gateway. Arena; it
 * need not be there. */
const char *folders_data(struct arena *arena, const char *name);

/* The folder of the SDK's CMake package that belongs to the program: where it is installed, else in the folder that it was
 * built in; "" where there is none. Absolute, arena. */
const char *folders_sdk(struct arena *arena);

bool folders_is_folder(const char *path);

struct folders_plugin {
    const char *name; /* without .so */
    const char *path;
};
/* What is there, by name; the first folder that has a name wins. Arena. */
struct folders_plugin *folders_list(const char *const *folders, struct arena *arena, size_t *count);

#endif
