/* policy.c - llm-gateway policy test|new|replay|editor: the operator's rules are tried, without a server, and begun. */
#include "cli/policy.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ledger_path.h"
#include "cli/policy_editor.h"
#include "cli/policy_new.h"
#include "cli/policy_replay.h"
#include "rehearsal/rehearsal.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    { "verbose", 'v', NULL, NULL, "test: a line for each case, also where it passes" },
    { "when", 0, "EXPR", NULL, "new: the requests that it refuses, such as 'req.images > 0'" },
    CLI_OPTIONS_REPLAY,
    CLI_OPTIONS_END,
};

enum { OUT_MOST = 16 << 20 };

/* Test files that have run. */
struct ran {
    struct arena arena;
    const char *tests[CONFIG_POLICIES_MOST * 8];
    size_t count;
};

/* Runs the test of the file, once. False: there is none. */
static bool run_beside(struct ran *ran, const struct config *config, const char *path, bool verbose, struct buf *out,
                       struct rehearsal_sum *sum)
{
    const char *test = rehearsal_test_of(&ran->arena, path);
    for (size_t k = 0; k < ran->count; k++)
        if (strcmp(ran->tests[k], test) == 0)
            return true;
    if (access(test, F_OK) != 0)
        return false;
    if (ran->count < sizeof ran->tests / sizeof *ran->tests)
        ran->tests[ran->count++] = test;
    rehearsal_run(config, test, verbose, out, sum);
    return true;
}

unsigned policy_test_configured(const struct config *config, bool verbose, struct buf *out, struct rehearsal_sum *sum)
{
    struct ran ran = { .count = 0 };
    unsigned without = 0;
    arena_init(&ran.arena, NULL, 0, 1 << 20);
    for (size_t i = 0; i < config->policy_count; i++) {
        const struct config_policy *p = &config->policies[i];
        const char *path = rehearsal_path(&ran.arena, config, p);
        if (path != NULL && !run_beside(&ran, config, path, verbose, out, sum)) {
            without++;
            if (verbose)
                buf_printf(out, "none    %s: there is no %s\n", path, rehearsal_test_of(&ran.arena, path));
        }
        for (const struct config_module *m = p->modules; m != NULL; m = m->next)
            run_beside(&ran, config, m->path, verbose, out, sum);
    }
    arena_fini(&ran.arena);
    return without;
}

static int test(const struct cli *cli)
{
    struct rehearsal_sum sum = { 0 };
    struct buf out;
    struct arena arena;
    bool verbose = cli_option(cli, "verbose") != NULL;
    struct config *config = cli_load(cli, 0);
    unsigned without = 0;
    if (config == NULL)
        return CLI_CONFIG;
    buf_init(&out, OUT_MOST);
    arena_init(&arena, NULL, 0, 1 << 20);
    for (int i = 1; i < cli->arg_count; i++) {
        const char *file = cli->args[i];
        bool is_test = text_ends(text_of(file), TEXT("_test.lua"));
        rehearsal_run(config, is_test ? file : rehearsal_test_of(&arena, file), verbose, &out, &sum);
    }
    if (cli->arg_count == 1)
        without = policy_test_configured(config, verbose, &out, &sum);
    buf_printf(&out, "%u passed, %u failed", sum.passed, sum.failed);
    if (cli->arg_count == 1 && config->policy_count == 0)
        buf_str(&out, "; the configuration has no policy: name the files to test, or -c FILE");
    if (without > 0)
        buf_printf(&out, "; policies without a test: %u", without);
    buf_str(&out, "\n");
    arena_fini(&arena);
    config_unref(config);
    int code = cli_print(&out);
    return code == CLI_OK && sum.failed > 0 ? CLI_FAILED : code;
}

static int run(struct cli *cli)
{
    if (strcmp(cli->args[0], "test") == 0)
        return test(cli);
    if (strcmp(cli->args[0], "new") == 0 && cli->arg_count == 2)
        return policy_new(cli->args[1], cli_option(cli, "when"));
    if (strcmp(cli->args[0], "editor") == 0 && cli->arg_count <= 2)
        return policy_editor(cli->arg_count == 2 ? cli->args[1] : ".");
    if (strcmp(cli->args[0], "replay") == 0 && cli->arg_count == 2)
        return policy_replay(cli, cli->args[1]);
    return cli_usage(cli->verb, "it takes test [FILE...] | new NAME | replay FILE | editor [FOLDER]");
}

const struct cli_verb verb_policy = {
    .name = "policy",
    .summary = "try policies without a server; begin a new one; help editors",
    .arguments = "test [FILE...] | new NAME | replay FILE | editor [FOLDER]",
    .options = options,
    .notes =
        "test runs NAME_test.lua beside each policy NAME.lua of the configuration and beside each module that one requires, or\n"
        "the files that are named: in the sandbox of the gateway, without a server and without the network. It prints each\n"
        "case that fails with its line, then `N passed, N failed`; the exit code is 1 where one failed. scripts/README.md has the words of a test.\n"
        "new writes NAME.lua and NAME_test.lua here, which pass as they are; no file is overwritten.\n"
        "replay tries the file on the requests of the ledger: on_request sees who asked what model when, and on_finish how it ended. It prints\n"
        "what would be decided otherwise, with examples; what the ledger does not have (texts, answers of models) is not judged. The exit\n"
        "code is 1 where the policy fails.\n"
        "editor writes gw.lua, .luacheckrc and .luarc.json, from which lua-language-server and luacheck know the words.\n",
    .words = "test new replay editor",
    .least_args = 1,
    .most_args = -1,
    .run = run,
};
