/* policy_new.c - llm-gateway policy new NAME: a policy and its test, which passes, to be changed. */
#include "cli/policy_new.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "rehearsal/rehearsal.h"
#include "script/script.h"

enum { NAME_MOST = 64, FILE_MOST = 64 << 10 };

static bool is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return name[0] >= 'a' && name[0] <= 'z' && name[len] == '\0' && len <= NAME_MOST &&
           !text_ends(text_of(name), TEXT("_test"));
}

/* The name as a code of refusals: snake_case. */
static const char *code_of(struct arena *arena, const char *name)
{
    char *code = arena_printf(arena, "%s", name);
    for (char *c = code; *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
    return code;
}

static const char *policy_text(struct arena *arena, const char *name, const char *when)
{
    const char *code = code_of(arena, name);
    if (when != NULL)
        return arena_printf(arena,
                            "-- %s.lua - what it is for.\n"
                            "--\n"
                            "--     policy \"%s.lua\" {}\n"
                            "local policy = {}\n\n"
                            "function policy.on_request(req)\n"
                            "    if %s then\n"
                            "        return gw.deny(403, \"%s\", \"this request is not allowed here\")\n"
                            "    end\n"
                            "end\n\n"
                            "return policy\n",
                            name, name, when, code);
    return arena_printf(
        arena,
        "-- %s.lua - what it is for.\n"
        "--\n"
        "--     policy \"%s.lua\" { args = { most_tokens = 100000 } }\n"
        "local args = gw.args { most_tokens = 100000 }\n"
        "local policy = {}\n\n"
        "function policy.on_request(req)\n"
        "    if req.estimated_input_tokens > args.most_tokens then\n"
        "        return gw.deny(413, \"%s\", \"at most \" .. args.most_tokens .. \" tokens may be sent\")\n"
        "    end\n"
        "end\n\n"
        "return policy\n",
        name, name, code);
}

static const char *test_text(struct arena *arena, const char *name, const char *when)
{
    if (when != NULL)
        return arena_printf(arena,
                            "-- %s_test.lua - llm-gateway policy test %s_test.lua\n"
                            "local policy = test.policy(\"%s.lua\", {})\n\n"
                            "-- Write one case with a request that it refuses, and one with a request that passes.\n"
                            "test.case(\"a question is refused or passes\", function()\n"
                            "    local did = policy:on_request { text = \"hello\" }\n"
                            "    if did.verdict ~= \"pass\" then test.equal(did.code, \"%s\") end\n"
                            "end)\n",
                            name, name, name, code_of(arena, name));
    return arena_printf(arena,
                        "-- %s_test.lua - llm-gateway policy test %s_test.lua\n"
                        "local policy = test.policy(\"%s.lua\", { most_tokens = 1000 })\n\n"
                        "test.case(\"a short question passes, by each client API\", function()\n"
                        "    test.equal(test.every_face(policy, { text = \"hello\" }).decision, \"none\")\n"
                        "end)\n\n"
                        "test.case(\"a long one does not\", function()\n"
                        "    local did = test.every_face(policy, { text = (\"word \"):rep(2000) })\n"
                        "    test.equal(did.decision, \"deny\")\n"
                        "    test.equal(did.code, \"%s\")\n"
                        "end)\n",
                        name, name, name, code_of(arena, name));
}

static void complain_when(void *arg, const struct config_policy *policy, const char *text)
{
    (void)policy;
    *(bool *)arg = false;
    cli_say("--when: %s", text);
}

/* Can it be loaded? Else it is reported why. */
static bool is_sound(const char *file, const char *source)
{
    bool sound = true;
    struct config *config = config_new();
    config->prefix_routing = true;
    config->policies = arena_new(&config->arena, struct config_policy);
    config->policies[0] = (struct config_policy){ .name = "new",
                                                  .file = file,
                                                  .source = text_of(source),
                                                  .args = TEXT("{}"),
                                                  .cpu_ns = CONFIG_POLICY_CPU_NS,
                                                  .memory_bytes = CONFIG_POLICY_MEMORY };
    config->policy_count = 1;
    config_seal(config);
    script_check(config, complain_when, &sound);
    config_unref(config);
    return sound;
}

/* Never writes over a file. */
static bool write_file(const char *path, const char *text)
{
    size_t len = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        cli_say(errno == EEXIST ? "%s is there already: choose another name, or remove it first"
                                : "cannot write %s: %s",
                path, strerror(errno));
        return false;
    }
    bool whole = write(fd, text, len) == (ssize_t)len;
    whole = close(fd) == 0 && whole;
    if (!whole)
        cli_say("cannot write %s: it is not complete", path);
    return whole;
}

int policy_new(const char *name, const char *when)
{
    struct arena arena;
    struct buf out;
    if (!is_name(name))
        return cli_usage(
            &verb_policy,
            "a policy's name begins with a lower-case letter, has lower-case letters, digits, - and _, at most 64, "
            "and does not end in _test: \"%.80s\"",
            name);
    arena_init(&arena, NULL, 0, 1 << 20);
    const char *file = arena_printf(&arena, "%s.lua", name), *test = rehearsal_test_of(&arena, file),
               *text = policy_text(&arena, name, when);
    int code = CLI_FAILED;
    if (access(test, F_OK) == 0)
        cli_say("%s is there already, and nothing was written: choose another name, or remove it first", test);
    else if (is_sound(file, text) && write_file(file, text) && write_file(test, test_text(&arena, name, when))) {
        buf_init(&out, 1 << 16);
        buf_printf(&out, "%s and %s are there.\n\n    llm-gateway policy test %s\n\nIn gateway.lua: policy \"%s\" {}\n",
                   file, test, test, file);
        code = cli_print(&out);
    }
    arena_fini(&arena);
    return code;
}
