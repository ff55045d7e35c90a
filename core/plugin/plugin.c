/* plugin.c - loads plugins and keeps what they offer. What they state about themselves is checked before anything
 * of theirs is called; their settings are option.c's business, calls into them call.c's. */
#include "plugin/plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/call.h"
#include "plugin/check.h"
#include "plugin/elf.h"
#include "plugin/trusted.h"

/* What was loaded, never freed: code of a plugin may be on any stack. */
struct loaded {
    struct loaded *next;
    char *real;   /* its path without links, as the linker and a debugger know it; NULL: linked in */
    dev_t device; /* 0 and 0: linked in */
    ino_t inode;
    struct plugin plugin;
    gw_host host;
};

static struct loaded *all;

static const struct plugin *load_new(const char *path, const struct stat *st, int fd, struct fail *fail);
static struct loaded *adopt(const gw_plugin *descriptor, const char *path, struct fail *fail);

/* The same file gives the same struct: by device and inode, as the linker does, so that two names of one file
 * are one plugin and a file that was replaced is another. */
const struct plugin *plugin_load(const char *path, struct fail *fail)
{
    struct stat st;
    int fd = trusted_open(path, &st, fail);

    if (fd < 0)
        return NULL;
    for (struct loaded *l = all; l != NULL; l = l->next) {
        if (l->device == st.st_dev && l->inode == st.st_ino) {
            close(fd);
            return &l->plugin;
        }
    }
    return load_new(path, &st, fd, fail);
}

const struct plugin *plugin_adopt(const gw_plugin *descriptor, const char *path, struct fail *fail)
{
    for (struct loaded *l = all; l != NULL; l = l->next)
        if (l->plugin.descriptor == descriptor)
            return &l->plugin;
    struct loaded *loaded = adopt(descriptor, path, fail);
    return loaded == NULL ? NULL : &loaded->plugin;
}

static bool is_taken(const char *real)
{
    for (const struct loaded *l = all; l != NULL; l = l->next)
        if (l->real != NULL && strcmp(l->real, real) == 0)
            return true;
    return false;
}

/* By its real path, so that a debugger finds the file and $ORIGIN means its folder. The linker knows libraries by name and gives
 * the first one again for a file that has taken the place of a loaded one: that is loaded through its descriptor, by its name
 * in /proc, and the descriptor stays open. NULL with `fail`, which names `path`. */
static void *open_library(const char *path, const char *real, int fd, struct fail *fail)
{
    char name[64];
    bool by_fd = is_taken(real);

    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    const char *opened = by_fd ? name : real;
    void *handle = dlopen(opened, RTLD_NOW | RTLD_LOCAL);
    if (handle != NULL) {
        if (!by_fd)
            close(fd);
        return handle;
    }
    const char *why = dlerror();
    size_t len = strlen(opened);
    if (why != NULL && strncmp(why, opened, len) == 0 && strncmp(why + len, ": ", 2) == 0)
        why += len + 2;
    fail_set(fail, FAIL_OPERATOR, "the plugin %s cannot be loaded: %s", path, why != NULL ? why : "no reason given");
    close(fd);
    return NULL;
}

/* Was it still the file that was checked, when the linker had opened it? Only root and we can write its folder. */
static bool is_same(const char *real, const struct stat *checked)
{
    struct stat now;

    return stat(real, &now) == 0 && now.st_dev == checked->st_dev && now.st_ino == checked->st_ino;
}

/* `fd` is taken. */
static const struct plugin *load_new(const char *path, const struct stat *st, int fd, struct fail *fail)
{
    char real[PATH_MAX];
    void *handle;

    if (elf_check(fd, st->st_size, path, fail) < 0) {
        close(fd);
        return NULL;
    }
    if (realpath(path, real) == NULL) {
        close(fd);
        fail_set(fail, FAIL_OPERATOR, "the plugin %s cannot be looked at: %s", path, strerror(errno));
        return NULL;
    }
    handle = open_library(path, real, fd, fail);
    if (handle == NULL)
        return NULL;

    gw_plugin_entry_fn entry = NULL;
    *(void **)&entry = dlsym(handle, "gw_plugin_entry");
    struct loaded *loaded = NULL;
    if (!is_same(real, st))
        fail_set(fail, FAIL_OPERATOR, "the plugin %s was replaced while it was loaded: start again", path);
    else if (entry == NULL)
        fail_set(fail, FAIL_OPERATOR, "the plugin %s cannot be used: it does not export gw_plugin_entry", path);
    else
        loaded = adopt(entry(), path, fail);
    if (loaded == NULL) {
        dlclose(handle);
        return NULL;
    }
    loaded->real = strdup(real); /* without it the next file of that name is taken for this one, and refused */
    loaded->device = st->st_dev;
    loaded->inode = st->st_ino;
    return &loaded->plugin;
}

static struct loaded *adopt(const gw_plugin *descriptor, const char *path, struct fail *fail)
{
    struct plugin plugin;
    if (check_descriptor(descriptor, path, &plugin, fail) < 0)
        return NULL;

    struct loaded *loaded = calloc(1, sizeof *loaded);
    char *path_copy = strdup(path);
    if (loaded == NULL || path_copy == NULL) {
        free(loaded);
        free(path_copy);
        fail_set(fail, FAIL_US, "out of memory");
        return NULL;
    }
    loaded->plugin = plugin;
    loaded->plugin.path = path_copy;
    call_host_init(&loaded->host, loaded->plugin.name);
    loaded->next = all;
    all = loaded;
    return loaded;
}

/* A name is that of a file without ".so": nothing that leaves the folder. */
static bool is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return len > 0 && len <= 64 && name[len] == '\0';
}

/* The nearest name of a plugin in the folders, in `near`; empty when nothing is near. */
static void nearest(const char *name, const char *const *directories, char near[NAME_MAX + 1])
{
    unsigned best = UINT_MAX;

    near[0] = '\0';
    for (; *directories != NULL; directories++) {
        DIR *folder = opendir(*directories);
        struct dirent *entry;
        while (folder != NULL && (entry = readdir(folder)) != NULL) {
            struct text file = text_of(entry->d_name);
            if (!text_ends(file, TEXT(".so")))
                continue;
            file.len -= 3;
            unsigned distance = text_distance(text_of(name), file);
            if (distance < best && distance <= (strlen(name) + 2) / 3) {
                best = distance;
                snprintf(near, NAME_MAX + 1, "%.*s", TEXT_ARG(file));
            }
        }
        if (folder != NULL)
            closedir(folder);
    }
}

/* The plugin calls itself as its file is called: else gateway.lua, the log and the metrics would have two names for it. */
static const struct plugin *load_as(const char *name, const char *path, struct fail *fail)
{
    const struct plugin *plugin = plugin_load(path, fail);

    if (plugin == NULL || strcmp(plugin->name, name) == 0)
        return plugin;
    fail_set(fail, FAIL_OPERATOR, "the plugin %s calls itself \"%s\": name the file %s.so", path, plugin->name,
             plugin->name);
    return NULL;
}

const struct plugin *plugin_find(const char *name, const char *const *directories, struct fail *fail)
{
    char path[PATH_MAX], near[NAME_MAX + 1], folders[256] = "";

    if (!is_name(name)) {
        fail_set(fail, FAIL_OPERATOR, "\"%.64s\" is not the name of a plugin: lower-case letters, digits, - and _",
                 name);
        return NULL;
    }
    for (const char *const *directory = directories; *directory != NULL; directory++) {
        int len = snprintf(path, sizeof path, "%s/%s.so", *directory, name);
        if (len > 0 && (size_t)len < sizeof path && access(path, F_OK) == 0)
            return load_as(name, path, fail);
        size_t used = strlen(folders);
        snprintf(folders + used, sizeof folders - used, "%s%s", used > 0 ? ", " : "", *directory);
    }
    nearest(name, directories, near);
    fail_set(fail, FAIL_OPERATOR, "there is no plugin \"%s\"%s%s%s (looked in %s)", name,
             near[0] != '\0' ? "; did you mean \"" : "", near, near[0] != '\0' ? "\"?" : "",
             folders[0] != '\0' ? folders : "no folder");
    return NULL;
}

const gw_host *plugin_host(const struct plugin *plugin)
{
    const struct loaded *loaded =
        (const struct loaded *)(const void *)((const char *)plugin - offsetof(struct loaded, plugin));
    return &loaded->host;
}

int plugin_open_provider(const struct plugin *plugin, const struct json *settings, void **instance, struct fail *fail)
{
    struct arena keep, scratch;
    struct gw_call call;

    *instance = NULL;
    if (plugin->kind != GW_KIND_PROVIDER)
        return fail_set(fail, FAIL_OPERATOR, "the plugin %s is not a provider", plugin->name);
    arena_init(&keep, NULL, 0, 1 << 20);
    arena_init(&scratch, NULL, 0, 1 << 20);
    call_begin(&call, &keep, &scratch, NULL);
    call_step_begin(&call);
    gw_status status = plugin->provider.open(plugin_host(plugin), &call, call_json(settings), instance);
    int result = 0;
    if (status == GW_OK && call.misused != NULL)
        plugin->provider.close(*instance);
    status = call_status(&call, status);
    call_step_end(&call);
    if (status != GW_OK) {
        if (call.misused != NULL)
            result = fail_set(fail, FAIL_OPERATOR, "the plugin %s has a defect, in open(): %.*s", plugin->name,
                              TEXT_ARG(call.explain));
        else if (call.explain.len > 0)
            result = fail_set(fail, FAIL_OPERATOR, "%.*s", TEXT_ARG(call.explain));
        else
            result = fail_set(fail, FAIL_OPERATOR, "the plugin %s refuses its settings (status %d) without saying why",
                              plugin->name, (int)status);
        *instance = NULL;
    }
    arena_fini(&scratch);
    arena_fini(&keep);
    return result;
}

void plugin_close_provider(const struct plugin *plugin, void *instance)
{
    plugin->provider.close(instance);
}

/* The size of ABI 1.0: a row that is shorter has no size at all, or a wrong one. */
#define CAPABILITY_SIZE_1_0 (offsetof(gw_capability, why) + sizeof(const char *))

int plugin_capability(const struct plugin *plugin, void *instance, struct text model, struct text base_url,
                      uint32_t index, gw_capability *row, struct fail *fail)
{
    gw_request req = { .size = sizeof req,
                       .operation = GW_OP_CHAT,
                       .dialect = GW_DIALECT_CHAT,
                       .model = call_str(model),
                       .base_url = call_str(base_url) };
    const gw_capability *given =
        plugin->provider.capability != NULL ? plugin->provider.capability(instance, &req, index) : NULL;

    memset(row, 0, sizeof *row);
    if (given == NULL)
        return 0;
    if (given->size < CAPABILITY_SIZE_1_0)
        return fail_set(fail, FAIL_OPERATOR,
                        "the plugin %s has a defect: row %u of its capability table has the size %u, and not %zu",
                        plugin->name, index, given->size, sizeof *given);
    memcpy(row, given, given->size < sizeof *row ? given->size : sizeof *row);
    if (row->field == NULL || row->field[0] == '\0')
        return fail_set(fail, FAIL_OPERATOR,
                        "the plugin %s has a defect: row %u of its capability table names no field", plugin->name,
                        index);
    row->size = sizeof *row;
    return 1;
}
