/* plugin.c - llm-gateway plugin check|list|new: what a plugin file is, which ones are found, and a new one. */
#include <string.h>

#include "base/json.h"
#include "boot/folders.h"
#include "cli/cli.h"
#include "cli/plugin_new.h"
#include "plugin/plugin.h"

static const struct cli_option options[] = { CLI_OPTION_CONFIG, CLI_OPTION_JSON, CLI_OPTIONS_END };

static int check(const struct cli *cli, const char *path)
{
    struct fail fail;
    struct buf out;
    const struct plugin *plugin = plugin_load(path, &fail);
    if (plugin == NULL) {
        cli_say("%s", fail.text);
        return CLI_FAILED;
    }
    buf_init(&out, 1 << 20);
    plugin_describe(plugin, cli_option(cli, "json") != NULL, &out);
    return cli_print(&out);
}

static void write_plugin(const struct folders_plugin *file, bool as_json, struct json_writer *w, struct buf *out)
{
    struct fail fail;
    const struct plugin *plugin = plugin_load(file->path, &fail);

    if (as_json && plugin != NULL) {
        struct buf description;
        buf_init(&description, 1 << 20);
        plugin_describe(plugin, true, &description);
        json_put_raw(w, text_trim(buf_view(&description)));
        buf_free(&description);
    } else if (as_json) {
        json_object(w);
        json_name(w, "name");
        json_put_str(w, text_of(file->name));
        json_name(w, "path");
        json_put_str(w, text_of(file->path));
        json_name(w, "refused");
        json_put_str(w, text_of(fail.text));
        json_close(w);
    } else {
        buf_printf(out, "%-16s %-10s %s%s%s\n", file->name, plugin != NULL ? plugin->version : "refused", file->path,
                   plugin != NULL ? "" : ": ", plugin != NULL ? "" : fail.text);
    }
}

/* With a configuration, also from the folders that it names. */
static int list(const struct cli *cli)
{
    struct config *config = NULL;
    struct json_writer w;
    struct arena arena;
    struct buf out;
    size_t count;
    bool as_json = cli_option(cli, "json") != NULL;

    if (cli_option(cli, "config") != NULL && (config = cli_load(cli, 0)) == NULL)
        return CLI_CONFIG;
    arena_init(&arena, NULL, 0, 1 << 20);
    buf_init(&out, 16 << 20);
    json_writer_init(&w, &out);
    const char *const *folders = config != NULL ? config->plugin_directories : folders_make(&arena, NULL, ".");
    struct folders_plugin *files = folders_list(folders, &arena, &count);
    if (as_json)
        json_array(&w);
    for (size_t i = 0; i < count; i++)
        write_plugin(&files[i], as_json, &w, &out);
    if (as_json) {
        json_close(&w);
        json_end(&w);
        buf_str(&out, "\n");
    }
    arena_fini(&arena);
    config_unref(config);
    return cli_print(&out);
}

static int run(struct cli *cli)
{
    if (strcmp(cli->args[0], "list") == 0 && cli->arg_count == 1)
        return list(cli);
    if (strcmp(cli->args[0], "check") == 0 && cli->arg_count == 2)
        return check(cli, cli->args[1]);
    if (strcmp(cli->args[0], "new") == 0 && cli->arg_count == 2)
        return plugin_new(cli->args[1]);
    return cli_usage(cli->verb, "it takes %s", cli->verb->arguments);
}

const struct cli_verb verb_plugin = {
    .name = "plugin",
    .summary = "say what a plugin file is, list those that are found, or begin a new one",
    .arguments = "check FILE.so | list | new NAME",
    .options = options,
    .notes = "check loads the file and prints name, version, operations and settings; nothing of it runs but its\n"
             "constructors. It exits with 1 when the gateway would refuse the file, and says why.\n"
             "new writes the folder NAME/ with a provider for any server of OpenAI's chat completions, to be changed:\n"
             "CMake builds it against the installed SDK, ctest puts it through the conformance kit.\n",
    .words = "check list new",
    .least_args = 1,
    .most_args = 2,
    .run = run,
};
