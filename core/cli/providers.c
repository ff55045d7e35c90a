/* providers.c - llm-gateway providers: the upstream services of the configuration, and why some are off. */
#include "base/json.h"
#include "cli/cli.h"
#include "plugin/plugin.h"

static const struct cli_option options[] = { CLI_OPTION_CONFIG, CLI_OPTION_JSON, CLI_OPTIONS_END };

static void write_row(const struct config_provider *provider, struct buf *out)
{
    buf_printf(out, "%-16.*s %-12s %-40.*s %s%s\n", TEXT_ARG(provider->name), provider->plugin->name,
               TEXT_ARG(provider->base_url.len > 0 ? provider->base_url : TEXT("-")),
               provider->off != NULL ? "off: " : "in use", provider->off != NULL ? provider->off : "");
}

static void write_json(const struct config_provider *provider, struct json_writer *w)
{
    json_object(w);
    json_name(w, "name");
    json_put_str(w, provider->name);
    json_name(w, "plugin");
    json_put_str(w, text_of(provider->plugin->name));
    json_name(w, "base_url");
    if (provider->base_url.ptr != NULL)
        json_put_str(w, provider->base_url);
    else
        json_put_null(w);
    json_name(w, "secrets");
    json_array(w);
    for (size_t i = 0; i < provider->wanted_count; i++)
        json_put_str(w, text_of(provider->wanted[i]));
    json_close(w);
    json_name(w, "off");
    if (provider->off != NULL)
        json_put_str(w, text_of(provider->off));
    else
        json_put_null(w);
    json_close(w);
}

static int run(struct cli *cli)
{
    struct config *config = cli_load(cli, 0);
    struct json_writer w;
    struct buf out;

    if (config == NULL)
        return CLI_CONFIG;
    buf_init(&out, 64 << 20);
    if (cli_option(cli, "json") != NULL) {
        json_writer_init(&w, &out);
        json_array(&w);
        for (size_t i = 0; i < config->provider_count; i++)
            write_json(&config->providers[i], &w);
        json_close(&w);
        json_end(&w);
        buf_str(&out, "\n");
    } else {
        for (size_t i = 0; i < config->provider_count; i++)
            write_row(&config->providers[i], &out);
    }
    config_unref(config);
    return cli_print(&out);
}

const struct cli_verb verb_providers = {
    .name = "providers",
    .summary = "list the providers, and why some are off",
    .arguments = "",
    .options = options,
    .run = run,
};
