/* plugin_new.c - llm-gateway plugin new NAME: a folder with a provider that works, to be changed. Its files are those of
 * sdk/template, with the name in its places. */
#include "cli/plugin_new.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "boot/folders.h"
#include "cli/cli.h"

enum { NAME_MOST = 64, FILE_MOST = 1 << 20 };

/* A file of the template, and what it is called in the new folder. */
static const struct file {
    const char *from, *to;
} files[] = {
    { "CMakeLists.txt", "CMakeLists.txt" },
    { "README.md", "README.md" },
    { "provider.c", "@NAME@.c" },
    { "cases/cases.json", "cases/@NAME@.json" },
};
enum { FILES = sizeof files / sizeof files[0] };

/* What stands in the template's places. */
struct places {
    const char *name; /* @NAME@ */
    const char *env;  /* @ENV@: the same, as the beginning of a variable's name */
    const char *sdk;  /* @SDK@: the folder of GatewaySDKConfig.cmake; "" where there is none */
};

/* Targets that CMake has itself. */
static const char *const reserved[] = { "all",     "clean",   "codegen",        "edit_cache",    "help",
                                        "install", "package", "package_source", "rebuild_cache", "test" };

/* What is wrong with the name, static; NULL: nothing. It is the name of a file, of a CMake target and in gateway.lua. */
static const char *name_problem(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    if (name[0] < 'a' || name[0] > 'z' || name[len] != '\0' || len > NAME_MOST)
        return "a plugin's name begins with a lower-case letter and has lower-case letters, digits, - and _, at most 64";
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(name, reserved[i]) == 0)
            return "CMake has a target of that name: choose another one";
    return NULL;
}

static const char *variable_of(struct arena *arena, const char *name)
{
    char *env = arena_printf(arena, "%s", name);

    for (char *c = env; *c != '\0'; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    return env;
}

static void fill(const struct places *places, struct text text, struct buf *out)
{
    const struct {
        struct text place;
        const char *value;
    } all[] = {
        { TEXT("@NAME@"), places->name },
        { TEXT("@ENV@"), places->env },
        { TEXT("@SDK@"), places->sdk },
    };
    while (text.len > 0) {
        size_t used = 1;
        const char *value = NULL;
        for (size_t i = 0; i < sizeof all / sizeof all[0] && value == NULL; i++)
            if (text_starts(text, all[i].place)) {
                used = all[i].place.len;
                value = all[i].value;
            }
        if (value != NULL)
            buf_str(out, value);
        else
            buf_append(out, text.ptr, 1);
        text.ptr += used;
        text.len -= used;
    }
}

/* The template's file with the places filled. 0, or -1 after a message. */
static int read_template(const struct places *places, const char *from, struct arena *arena, struct buf *out)
{
    const char *path = folders_data(arena, arena_printf(arena, "plugin-template/%s", from));
    char *bytes = arena_alloc(arena, FILE_MOST);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 || bytes == NULL ? -1 : read(fd, bytes, FILE_MOST);

    if (got <= 0)
        cli_say("cannot read %s, which is installed with the program: %s", path,
                got < 0 ? strerror(errno) : "it is empty");
    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return -1;
    fill(places, (struct text){ bytes, (size_t)got }, out);
    return 0;
}

/* 0, or -1 after a message. Never writes over a file. */
static int write_file(const char *path, struct text bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool whole = fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len;
    int why = errno;

    if (fd >= 0 && close(fd) != 0 && whole) {
        whole = false;
        why = errno;
    }
    if (!whole)
        cli_say("cannot write %s: %s. The folder is not complete: remove it and try again", path, strerror(why));
    return whole ? 0 : -1;
}

/* mkdir() decides whether the folder is there already, so that two who begin at once do not mix. */
static int make_folders(const char *name, const char *cases)
{
    if (mkdir(name, 0755) != 0) {
        cli_say(errno == EEXIST
                    ? "%s is there already, and nothing was written: choose another name, or remove it first"
                    : "cannot make the folder %s: %s",
                name, strerror(errno));
        return -1;
    }
    if (mkdir(cases, 0755) == 0)
        return 0;
    cli_say("cannot make the folder %s: %s", cases, strerror(errno));
    return -1;
}

static int print_next(const char *name)
{
    struct buf out;

    buf_init(&out, 1 << 16);
    buf_printf(&out,
               "%s/ has a provider that speaks with any server of OpenAI's chat completions: change %s/%s.c.\n\n"
               "    cmake -S %s -B %s/build && cmake --build %s/build\n"
               "    ctest --test-dir %s/build --output-on-failure\n",
               name, name, name, name, name, name, name);
    return cli_print(&out);
}

int plugin_new(const char *name)
{
    const char *problem = name_problem(name);
    struct buf filled[FILES];
    struct arena arena;
    int result = 0;

    if (problem != NULL) {
        cli_say("\"%.80s\" is no name for a plugin: %s", name, problem);
        return CLI_USAGE;
    }
    arena_init(&arena, NULL, 0, 8 << 20);
    const struct places places = { name, variable_of(&arena, name), folders_sdk(&arena) };
    for (size_t i = 0; i < FILES; i++) {
        buf_init(&filled[i], 2 * FILE_MOST);
        if (result == 0)
            result = read_template(&places, files[i].from, &arena, &filled[i]);
    }
    if (result == 0)
        result = make_folders(name, arena_printf(&arena, "%s/cases", name));
    for (size_t i = 0; i < FILES; i++) {
        struct buf path;
        buf_init(&path, 1 << 16);
        buf_printf(&path, "%s/", name);
        fill(&places, text_of(files[i].to), &path);
        buf_append(&path, "", 1);
        if (result == 0)
            result = write_file(path.ptr, buf_view(&filled[i]));
        buf_free(&path);
        buf_free(&filled[i]);
    }
    arena_fini(&arena);
    return result == 0 ? print_next(name) : CLI_FAILED;
}
