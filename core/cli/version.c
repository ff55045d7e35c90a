/* version.c - llm-gateway version. */
#include <gateway/abi.h>

#include "base/json.h"
#include "boot/load.h"
#include "cli/cli.h"

static const struct cli_option options[] = { CLI_OPTION_JSON, CLI_OPTIONS_END };

static int run(struct cli *cli)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, 4 << 10);
    if (cli_option(cli, "json") == NULL) {
        buf_printf(&out, "llm-gateway %s (plugin ABI %u.%u%s, Lua %s)\n", GW_VERSION, GW_ABI_MAJOR, GW_ABI_MINOR,
                   GW_ABI_MAJOR == 0 ? "-draft" : "", load_lua_version());
        return cli_print(&out);
    }
    json_writer_init(&w, &out);
    json_object(&w);
    json_name(&w, "version");
    json_put_str(&w, TEXT(GW_VERSION));
    json_name(&w, "abi");
    json_object(&w);
    json_name(&w, "major");
    json_put_int(&w, GW_ABI_MAJOR);
    json_name(&w, "minor");
    json_put_int(&w, GW_ABI_MINOR);
    json_name(&w, "draft");
    json_put_bool(&w, GW_ABI_MAJOR == 0);
    json_close(&w);
    json_name(&w, "libraries");
    json_object(&w);
    json_name(&w, "lua");
    json_put_str(&w, text_of(load_lua_version()));
    json_close(&w);
    json_close(&w);
    json_end(&w);
    buf_str(&out, "\n");
    return cli_print(&out);
}

const struct cli_verb verb_version = {
    .name = "version",
    .summary = "say which version this is",
    .arguments = "",
    .options = options,
    .run = run,
};
