/* folders.c - where plugins and data files are looked for. */
#include "boot/folders.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTED_MAX = 256 };

/* The folder of the running program; "." when /proc is not there. */
static const char *program_folder(struct arena *arena)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0)
        return ".";
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return ".";
    *slash = '\0';
    return arena_str(arena, text_of(path));
}

/* `check -T` names every folder; loading its text must not name them twice. */
static void add_once(const char **folders, const char *folder)
{
    while (*folders != NULL && strcmp(*folders, folder) != 0)
        folders++;
    *folders = folder;
}

const char *const *folders_ours(struct arena *arena)
{
    const char **folders = arena_array(arena, const char *, FOLDERS_OURS + 1);
    const char *program = program_folder(arena);

    folders[0] = arena_printf(arena, "%s/plugins", program);
    folders[1] = arena_printf(arena, "%s/../lib/llm-gateway/plugins", program);
    return folders;
}

bool folders_is_ours(struct arena *arena, const char *folder)
{
    const char *const *ours = folders_ours(arena);
    for (size_t i = 0; i < FOLDERS_OURS; i++)
        if (strcmp(ours[i], folder) == 0)
            return true;
    return false;
}

const char *const *folders_make(struct arena *arena, const struct declare_texts *more, const char *base)
{
    size_t extra = more == NULL ? 0 : more->count;
    const char **folders = arena_array(arena, const char *, extra + FOLDERS_OURS + 1);
    const char *const *ours = folders_ours(arena);

    for (size_t i = 0; i < extra; i++) {
        const char *path = arena_str(arena, more->items[i]);
        add_once(folders, path[0] == '/' ? path : arena_printf(arena, "%s/%s", base, path));
    }
    for (size_t i = 0; i < FOLDERS_OURS; i++)
        add_once(folders, ours[i]);
    return folders;
}

const char *folders_data(struct arena *arena, const char *name)
{
    const char *program = program_folder(arena);
    const char *beside = arena_printf(arena, "%s/%s", program, name);

    return access(beside, F_OK) == 0 ? beside : arena_printf(arena, "%s/../share/llm-gateway/%s", program, name);
}

const char *folders_sdk(struct arena *arena)
{
    static const char *const places[] = { "../lib/cmake/GatewaySDK", "sdk" };
    const char *program = program_folder(arena);
    char real[PATH_MAX];

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(arena_printf(arena, "%s/%s/GatewaySDKConfig.cmake", program, places[i]), F_OK) == 0 &&
            realpath(arena_printf(arena, "%s/%s", program, places[i]), real) != NULL)
            return arena_str(arena, text_of(real));
    return "";
}

bool folders_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_listed(const struct folders_plugin *list, size_t count, struct text name)
{
    for (size_t i = 0; i < count; i++)
        if (text_is(name, list[i].name))
            return true;
    return false;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct folders_plugin *)a)->name, ((const struct folders_plugin *)b)->name);
}

struct folders_plugin *folders_list(const char *const *folders, struct arena *arena, size_t *count)
{
    struct folders_plugin *list = arena_array(arena, struct folders_plugin, LISTED_MAX);
    *count = 0;
    for (size_t i = 0; folders[i] != NULL; i++) {
        DIR *folder = opendir(folders[i]);
        const struct dirent *entry;
        while (folder != NULL && *count < LISTED_MAX && (entry = readdir(folder)) != NULL) {
            struct text name = text_of(entry->d_name);
            if (!text_ends(name, TEXT(".so")) || name.len == 3)
                continue;
            name.len -= 3;
            if (is_listed(list, *count, name))
                continue;
            list[*count].name = arena_str(arena, name);
            list[(*count)++].path = arena_printf(arena, "%s/%s", folders[i], entry->d_name);
        }
        if (folder != NULL)
            closedir(folder);
    }
    qsort(list, *count, sizeof *list, compare);
    return list;
}
