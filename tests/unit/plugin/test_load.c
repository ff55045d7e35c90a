/* test_load.c - plugins as files: who may own them, loading once, finding by name, opening. Uses the built
 * plugins, which are beside the test program. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "plugin/plugin.h"
#include "plugin/trusted.h"

static struct fail fail;
static char folder[PATH_MAX];

/* <build>/plugins/demo.so: of GW_BUILD, or beside this program, which is <build>/tests/unit-plugin. */
static const char *built(const char *name)
{
    static char path[PATH_MAX + 64];
    const char *build = getenv("GW_BUILD");
    char self[PATH_MAX];

    if (build == NULL) {
        ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
        cr_assert_gt(len, 0);
        self[len] = '\0';
        for (int i = 0; i < 2; i++)
            *strrchr(self, '/') = '\0';
        build = self;
    }
    snprintf(path, sizeof path, "%s/plugins/%s", build, name);
    if (access(path, R_OK) != 0)
        check_skip("the plugins are not built");
    return path;
}

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/gw-test-plugin-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

/* A copy of the file in the folder, as `name`. */
static const char *copy(const char *from, const char *name, mode_t mode)
{
    static char path[PATH_MAX + 64];
    static char bytes[1 << 16];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(from, "rb"), *out = fopen(path, "wb");
    cr_assert_not_null(in);
    cr_assert_not_null(out);
    for (size_t got; (got = fread(bytes, 1, sizeof bytes, in)) > 0;)
        cr_assert_eq(fwrite(bytes, 1, got, out), got);
    fclose(in);
    cr_assert_eq(fclose(out), 0);
    cr_assert_eq(chmod(path, mode), 0);
    return path;
}

static void remove_folder(void)
{
    char command[PATH_MAX + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

static const char *refusal(const char *path)
{
    memset(&fail, 0, sizeof fail);
    cr_assert_null(plugin_load(path, &fail));
    cr_assert_eq(fail.kind, FAIL_OPERATOR);
    cr_assert_not_null(strstr(fail.text, path), "the text names the path: %s", fail.text);
    return fail.text;
}

Test(load, opens_a_built_plugin_once)
{
    const char *path = built("demo.so");
    const struct plugin *plugin = plugin_load(path, &fail);
    cr_assert_not_null(plugin, "%s", fail.text);
    cr_assert_str_eq(plugin->name, "demo");
    cr_assert_str_eq(plugin->path, path);
    cr_assert_eq(plugin_load(path, &fail), plugin, "the same file");
    Dl_info known;
    cr_assert_neq(dladdr(plugin->descriptor, &known), 0);
    cr_assert_str_eq(known.dli_fname, path, "a debugger finds it there");

    char linked[PATH_MAX + 64];
    make_folder();
    const char *other = copy(path, "other.so", 0644);
    const struct plugin *second = plugin_load(other, &fail);
    cr_assert_not_null(second, "%s", fail.text);
    cr_assert_neq(second, plugin, "another file is another plugin");
    cr_assert_neq(second->descriptor, plugin->descriptor);
    snprintf(linked, sizeof linked, "%s/linked.so", folder);
    cr_assert_eq(link(other, linked), 0);
    cr_assert_eq(plugin_load(linked, &fail), second, "two names of one file");

    cr_assert_eq(unlink(other), 0);
    cr_assert_eq(unlink(linked), 0);
    const struct plugin *third = plugin_load(copy(built("openai.so"), "other.so", 0644), &fail);
    cr_assert_not_null(third);
    cr_assert_str_eq(third->name, "openai", "a file that was replaced is another plugin");
    remove_folder();
}

Test(load, opens_instances_with_their_settings)
{
    struct arena arena;
    void *instance;
    arena_init(&arena, NULL, 0, 1 << 20);
    const struct plugin *plugin = plugin_load(built("demo.so"), &fail);
    cr_assert_not_null(plugin);
    cr_assert_eq(plugin_open_provider(plugin, NULL, &instance, &fail), 0);
    plugin_close_provider(plugin, instance);
    const struct json *settings = json_parse(&arena, TEXT("{\"slow_ms\":-5}"), &fail);
    cr_assert_eq(plugin_open_provider(plugin, settings, &instance, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "slow_ms"), "the plugin's own text: %s", fail.text);
    cr_assert_eq(fail.kind, FAIL_OPERATOR);
    arena_fini(&arena);
}

Test(load, refuses_what_is_below_a_folder_that_others_may_write)
{
    char below[PATH_MAX + 64], path[PATH_MAX + 128];
    make_folder();
    snprintf(below, sizeof below, "%s/below", folder);
    cr_assert_eq(mkdir(below, 0755), 0);
    snprintf(path, sizeof path, "%s/demo.so", below);
    cr_assert_eq(rename(copy(built("demo.so"), "demo.so", 0644), path), 0);
    cr_assert_eq(chmod(folder, 0777), 0);
    memset(&fail, 0, sizeof fail);
    cr_assert_null(plugin_load(path, &fail));
    cr_assert_not_null(strstr(fail.text, "above the plugins"), "%s", fail.text);
    cr_assert_not_null(strstr(fail.text, "chmod go-w"), "%s", fail.text);
    cr_assert_eq(chmod(folder, 0777 | S_ISVTX), 0);
    cr_assert_not_null(plugin_load(path, &fail), "nobody can replace another's folder there: %s", fail.text);
    cr_assert_eq(chmod(folder, 0700), 0);
    remove_folder();
}

/* Cut at many places: the linker maps what is not there and is ended by the kernel when it touches that. */
Test(load, refuses_a_file_that_is_cut)
{
    struct stat st;
    make_folder();
    const char *whole = built("demo.so");
    cr_assert_eq(stat(whole, &st), 0);
    for (int i = 0; i < 40; i++) {
        const char *path = copy(whole, "cut.so", 0644);
        cr_assert_eq(truncate(path, st.st_size * i / 40), 0);
        const char *why = refusal(path);
        cr_assert(strstr(why, i == 0 ? "is empty" : "is cut") != NULL, "%d: %s", i, why);
    }
    const char *path = copy(whole, "cut.so", 0644);
    cr_assert_eq(truncate(path, 30), 0);
    cr_assert_not_null(strstr(refusal(path), "is cut"));
    cr_assert_eq(truncate(path, 3), 0);
    cr_assert_not_null(strstr(refusal(path), "not a shared library"));
    remove_folder();
}

Test(load, refuses_files_that_others_may_write)
{
    make_folder();
    const char *path = copy(built("demo.so"), "demo.so", 0646);
    char text[2 * PATH_MAX + 200];
    snprintf(text, sizeof text, "the plugin %s is writable by others: chmod go-w %s", path, path);
    cr_assert_str_eq(refusal(path), text);
    cr_assert_eq(chmod(path, 0644), 0);
    cr_assert_eq(chmod(folder, 0777), 0);
    memset(&fail, 0, sizeof fail);
    cr_assert_null(plugin_load(path, &fail));
    snprintf(text, sizeof text, "the folder %s is writable by others: chmod go-w %s", folder, folder);
    cr_assert_str_eq(fail.text, text);
    cr_assert_eq(chmod(folder, 01777), 0);
    cr_assert_not_null(plugin_load(path, &fail), "a sticky folder is good: %s", fail.text);
    remove_folder();
}

Test(load, refuses_files_of_other_users)
{
    if (geteuid() != 0)
        check_skip("only root can give files away");
    make_folder();
    const char *path = copy(built("demo.so"), "demo.so", 0644);
    for (unsigned uid = 1; uid <= 12345; uid += 12344) {
        char text[PATH_MAX + 200];
        cr_assert_eq(chown(path, uid, 12345), 0);
        snprintf(text, sizeof text,
                 "the plugin %s belongs to user %u: it must belong to root or to the user that runs the gateway (0)",
                 path, uid);
        cr_assert_str_eq(refusal(path), text);
    }
    cr_assert_eq(chown(path, 0, 12345), 0);
    cr_assert_not_null(plugin_load(path, &fail), "the group is nobody's business: %s", fail.text);
    cr_assert_eq(chmod(path, 0664), 0);
    cr_assert_not_null(strstr(refusal(path), "writable by others"), "unless it may write");
    const struct group *own = getgrgid(0);
    if (own != NULL && own->gr_mem[0] == NULL) {
        cr_assert_eq(chown(path, 0, 0), 0);
        cr_assert_not_null(plugin_load(path, &fail), "a group without others: %s", fail.text);
    }
    cr_assert_eq(chmod(path, 0644), 0);
    cr_assert_eq(chown(folder, 12345, 12345), 0);
    memset(&fail, 0, sizeof fail);
    cr_assert_null(plugin_load(path, &fail));
    cr_assert_not_null(strstr(fail.text, "the folder"), "%s", fail.text);
    remove_folder();
}

Test(load, looks_in_the_folder_that_a_path_names)
{
    make_folder();
    cr_assert_eq(chmod(copy(built("demo.so"), "demo.so", 0644), 0644), 0);
    cr_assert_str_eq(refusal("/no-such-plugin.so"),
                     "the plugin /no-such-plugin.so cannot be opened: No such file or directory");
    cr_assert_null(plugin_load("/no-such-folder/x.so", &fail));
    cr_assert_str_eq(fail.text, "the folder /no-such-folder of the plugin cannot be opened: No such file or directory");
    cr_assert_eq(chdir(folder), 0);
    cr_assert_str_eq(refusal("no.so"), "the plugin no.so cannot be opened: No such file or directory");
    cr_assert_not_null(plugin_load("demo.so", &fail), "%s", fail.text);
    cr_assert_eq(chdir("/"), 0);
    remove_folder();
}

Test(load, takes_files_beside_what_is_linked_in)
{
    static gw_plugin linked;
    const struct plugin *plugin = plugin_load(built("demo.so"), &fail);
    cr_assert_not_null(plugin, "%s", fail.text);
    linked = *plugin->descriptor;
    const struct plugin *adopted = plugin_adopt(&linked, "(built in)", &fail);
    cr_assert_not_null(adopted, "%s", fail.text);
    cr_assert_neq(adopted, plugin);
    cr_assert_eq(plugin_adopt(&linked, "(again)", &fail), adopted);
    cr_assert_str_eq(adopted->path, "(built in)");
    const struct plugin *other = plugin_load(built("openai.so"), &fail);
    cr_assert_not_null(other, "%s", fail.text);
    cr_assert_str_eq(other->name, "openai");
}

Test(load, refuses_what_is_not_a_plugin_file)
{
    char path[PATH_MAX + 64];
    make_folder();
    snprintf(path, sizeof path, "%s/no.so", folder);
    cr_assert_not_null(strstr(refusal(path), "cannot be opened"));
    cr_assert_eq(symlink(built("demo.so"), path), 0);
    cr_assert_not_null(strstr(refusal(path), "symbolic link"));
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0755), 0);
    cr_assert_not_null(strstr(refusal(path), "is not a file"));
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_not_null(strstr(refusal(path), "is not a file"), "and does not wait for it");
    cr_assert_eq(unlink(path), 0);
    FILE *file = fopen(path, "w");
    fputs("hello", file);
    fclose(file);
    const char *text = refusal(path);
    cr_assert_not_null(strstr(text, "cannot be loaded"), "%s", text);
    cr_assert_null(strstr(text, "/proc/self/fd"), "%s", text);
    remove_folder();
}

Test(load, finds_by_name_in_order)
{
    char second[PATH_MAX];
    make_folder();
    copy(built("demo.so"), "demo.so", 0644);
    copy(built("demo.so"), "first.so", 0644);
    snprintf(second, sizeof second, "%s", built("demo.so"));
    *strrchr(second, '/') = '\0';
    const char *const directories[] = { "/nowhere", folder, second, NULL };

    cr_assert_null(plugin_find("first", directories, &fail), "it calls itself demo");
    cr_assert_not_null(strstr(fail.text, "/first.so calls itself \"demo\": name the file demo.so"), "%s", fail.text);
    const struct plugin *plugin = plugin_find("demo", directories, &fail);
    cr_assert_not_null(plugin, "%s", fail.text);
    cr_assert_eq(strncmp(plugin->path, folder, strlen(folder)), 0);
    cr_assert_not_null(plugin_find("openai", directories, &fail));
    cr_assert_null(plugin_find("opnai", directories, &fail));
    cr_assert_not_null(strstr(fail.text, "did you mean \"openai\"?"), "%s", fail.text);
    cr_assert_not_null(strstr(fail.text, "/nowhere, "), "where it looked: %s", fail.text);
    cr_assert_null(plugin_find("../demo", directories, &fail));
    cr_assert_not_null(strstr(fail.text, "is not the name of a plugin"));
    cr_assert_null(plugin_find("", directories, &fail));
    cr_assert_str_eq(fail.text, "\"\" is not the name of a plugin: lower-case letters, digits, - and _");
    const char *const nowhere[] = { NULL }, *const two[] = { "/nowhere", "/neither", NULL };
    cr_assert_null(plugin_find("demo", nowhere, &fail));
    cr_assert_str_eq(fail.text, "there is no plugin \"demo\" (looked in no folder)");
    cr_assert_null(plugin_find("demo", two, &fail));
    cr_assert_str_eq(fail.text, "there is no plugin \"demo\" (looked in /nowhere, /neither)");
    remove_folder();
}

/* Writes `to` over each place of the file that has `from`: bytes of the same length. */
static void patch(const char *path, const char *from, const char *to, size_t len)
{
    static char bytes[4 << 20];
    FILE *file = fopen(path, "r+b");
    cr_assert_not_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file), found = 0;
    for (char *at = bytes; (at = memmem(at, size - (size_t)(at - bytes), from, len)) != NULL; at += len, found++)
        memcpy(at, to, len);
    cr_assert_gt(found, 0u);
    rewind(file);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

Test(load, passes_on_why_the_linker_refuses_a_file)
{
    char text[PATH_MAX + 200];
    make_folder();
    const char *path = copy(built("demo.so"), "demo.so", 0644);
    patch(path, "\0snprintf", "\0qnprintf", 10);
    snprintf(text, sizeof text, "the plugin %s cannot be loaded: undefined symbol: qnprintf", path);
    cr_assert_eq(strncmp(refusal(path), text, strlen(text)), 0, "the path once: %s", fail.text);
    path = copy(built("demo.so"), "demo.so", 0644);
    patch(path, "\0libc.so.6", "\0libq.so.6", 10);
    snprintf(text, sizeof text, "the plugin %s cannot be loaded: libq.so.6: cannot open", path);
    cr_assert_eq(strncmp(refusal(path), text, strlen(text)), 0, "%s", fail.text);
    path = copy(built("demo.so"), "demo.so", 0644);
    patch(path, "gw_plugin_entry", "gq_plugin_entry", 15);
    snprintf(text, sizeof text, "the plugin %s cannot be used: it does not export gw_plugin_entry", path);
    cr_assert_str_eq(refusal(path), text);
    remove_folder();
}

static unsigned open_files(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    cr_assert_not_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

Test(load, opens_no_descriptor_in_vain)
{
    char cut[PATH_MAX + 64], no_symbol[PATH_MAX + 64], open[PATH_MAX + 64];
    make_folder();
    snprintf(no_symbol, sizeof no_symbol, "%s", copy(built("demo.so"), "no_symbol.so", 0644));
    patch(no_symbol, "\0snprintf", "\0qnprintf", 10);
    snprintf(cut, sizeof cut, "%s", copy(built("demo.so"), "cut.so", 0644));
    cr_assert_eq(truncate(cut, 1000), 0);
    snprintf(open, sizeof open, "%s", copy(built("demo.so"), "demo.so", 0666));
    const char *const paths[] = { cut, no_symbol, open, folder, "/nowhere/x.so" };
    unsigned before = open_files();
    for (int i = 0; i < 10; i++)
        cr_assert_null(plugin_load(paths[i % 5], &fail));
    cr_assert_eq(open_files(), before);
    remove_folder();
}
