/* import.c - llm-gateway import litellm: another gateway's configuration as gateway.lua. */
#include <errno.h>
#include <stdlib.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/import_litellm.h"
#include "cli/import_yaml.h"

static const struct cli_option options[] = { CLI_OPTIONS_END };
enum { FILE_MOST = 8 << 20, MEMORY_MOST = 256 << 20 };

static void say_notes(const struct import *m)
{
    struct text rest = buf_view(&m->notes);
    while (rest.len > 0) {
        struct text line = text_cut(&rest, '\n');
        cli_say("%.*s", TEXT_ARG(line));
    }
}

static int import(const char *path, struct text yaml)
{
    struct arena arena;
    struct fail fail;
    struct buf json, out;
    int code = CLI_FAILED;
    struct import *m = calloc(1, sizeof *m);
    BUG_IF(m == NULL);
    arena_init(&arena, NULL, 0, MEMORY_MOST);
    buf_init(&json, 64 << 20);
    buf_init(&m->notes, 4 << 20);
    m->arena = &arena;
    if (import_yaml_read(yaml, &json, &fail) == 0)
        m->root = json_parse(&arena, buf_view(&json), &fail);
    if (m->root == NULL) {
        cli_say("%s: %s", path, fail.text);
    } else if (json_count(json_member(m->root, "model_list")) == 0) {
        cli_say("%s has no model_list: is it LiteLLM's config.yaml?", path);
    } else {
        buf_init(&out, 32 << 20);
        import_litellm_read(m);
        import_write(m, &out);
        say_notes(m);
        code = cli_print(&out);
    }
    buf_free(&m->notes);
    buf_free(&json);
    arena_fini(&arena);
    free(m);
    return code;
}

static int run(struct cli *cli)
{
    struct buf yaml;
    int code = CLI_FAILED;
    json_start();
    if (!text_is(text_of(cli->args[0]), "litellm"))
        return cli_usage(cli->verb, "import takes \"litellm\" and the file, not \"%s\"", cli->args[0]);
    buf_init(&yaml, FILE_MOST);
    if (file_read(cli->args[1], &yaml) < 0)
        cli_say("%s cannot be read: %s", cli->args[1], strerror(errno));
    else
        code = import(cli->args[1], buf_view(&yaml));
    buf_free(&yaml);
    return code;
}

const struct cli_verb verb_import = {
    .name = "import",
    .summary = "write gateway.lua from LiteLLM's config.yaml",
    .arguments = "litellm CONFIG.yaml",
    .notes =
        "gateway.lua goes to stdout; what could not be carried stands at its head and on stderr. Secrets are not repeated: those of the\n"
        "environment keep their names, and of a master_key only the digest is written, so that clients go on with the key they have.\n",
    .options = options,
    .words = "litellm",
    .least_args = 2,
    .most_args = 2,
    .run = run,
};
