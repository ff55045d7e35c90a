/* plugin.c - loads plugins and keeps what they offer. What they say of themselves is checked before anything
 * of theirs is called; their settings are option.c's business, calls into them call.c's. */
#include "plugin/plugin.h"

#include <dirent.h>
#include <dlfcn.h>
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
    const struct plugin *plugin = load_new(path, &st, fd, fail);
    if (plugin == NULL)
        close(fd);
    return plugin;
}

const struct plugin *plugin_adopt(const gw_plugin *descriptor, const char *path, struct fail *fail)
{
    for (struct loaded *l = all; l != NULL; l = l->next)
        if (l->plugin.descriptor == descriptor)
            return &l->plugin;
    struct loaded *loaded = adopt(descriptor, path, fail);
    return loaded == NULL ? NULL : &loaded->plugin;
}

/* Loads through the descriptor that was checked, by its name in /proc. The descriptor stays open with the
 * plugin: the linker knows libraries by name, and a number used again would be taken for the first plugin. */
static const struct plugin *load_new(const char *path, const struct stat *st, int fd, struct fail *fail)
{
    char name[64];
    if (elf_check(fd, st->st_size, path, fail) < 0)
        return NULL;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *why = dlerror();
        size_t len = strlen(name);
        if (why != NULL && strncmp(why, name, len) == 0 && strncmp(why + len, ": ", 2) == 0)
            why += len + 2;
        fail_set(fail, FAIL_OPERATOR, "the plugin %s cannot be loaded: %s", path,
                 why != NULL ? why : "no reason given");
        return NULL;
    }

    gw_plugin_entry_fn entry = NULL;
    *(void **)&entry = dlsym(handle, "gw_plugin_entry");
    struct loaded *loaded = NULL;
    if (entry == NULL)
        fail_set(fail, FAIL_OPERATOR, "the plugin %s cannot be used: it does not export gw_plugin_entry", path);
    else
        loaded = adopt(entry(), path, fail);
    if (loaded == NULL) {
        dlclose(handle);
        return NULL;
    }
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
            return plugin_load(path, fail);
        size_t used = strlen(folders);
        snprintf(folders + used, sizeof folders - used, "%s%s", used > 0 ? ", " : "", *directory);
    }
    nearest(name, directories, near);
    fail_set(fail, FAIL_OPERATOR, "there is no plugin \"%s\"%s%s%s (looked in %s)", name,
             near[0] != '\0' ? "; did you mean \"" : "", near, near[0] != '\0' ? "\"?" : "",
             folders[0] != '\0' ? folders : "no folder");
    return NULL;
}

static const gw_host *host_of(const struct plugin *plugin)
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
    gw_status status = plugin->provider.open(host_of(plugin), &call, call_json(settings), instance);
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

int plugin_capability(const struct plugin *plugin, void *instance, struct text model, struct text base_url, uint32_t index,
                      gw_capability *row, struct fail *fail)
{
    gw_request req = {.size = sizeof req,
                      .operation = GW_OP_CHAT,
                      .dialect = GW_DIALECT_CHAT,
                      .model = call_str(model),
                      .base_url = call_str(base_url)};
    const gw_capability *given =
        plugin->provider.capability != NULL ? plugin->provider.capability(instance, &req, index) : NULL;

    memset(row, 0, sizeof *row);
    if (given == NULL)
        return 0;
    if (given->size < CAPABILITY_SIZE_1_0)
        return fail_set(fail, FAIL_OPERATOR, "the plugin %s has a defect: row %u of its capability table has the size %u, and not %zu",
                        plugin->name, index, given->size, sizeof *given);
    memcpy(row, given, given->size < sizeof *row ? given->size : sizeof *row);
    if (row->field == NULL || row->field[0] == '\0')
        return fail_set(fail, FAIL_OPERATOR, "the plugin %s has a defect: row %u of its capability table names no field",
                        plugin->name, index);
    row->size = sizeof *row;
    return 1;
}
