/* models.c - llm-gateway models: the models clients may ask for, from the configuration. */
#include "base/json.h"
#include "cli/cli.h"

static const struct cli_option options[] = {CLI_OPTION_CONFIG, CLI_OPTION_JSON, CLI_OPTIONS_END};

static void write_row(const struct config_model *model, struct buf *out)
{
    buf_printf(out, "%-24.*s", TEXT_ARG(model->name));
    for (size_t i = 0; i < model->target_count; i++) {
        const struct config_target *target = &model->targets[i];
        buf_printf(out, "%s%.*s/%.*s%s",
                   i == 0             ? " "
                   : target->fallback ? ", else "
                                      : ", ",
                   TEXT_ARG(target->provider->name), TEXT_ARG(target->model),
                   target->provider->off != NULL ? " (off)" : "");
    }
    buf_str(out, "\n");
}

static void write_json(const struct config_model *model, struct json_writer *w)
{
    json_object(w);
    json_name(w, "name");
    json_put_str(w, model->name);
    json_name(w, "targets");
    json_array(w);
    for (size_t i = 0; i < model->target_count; i++) {
        const struct config_target *target = &model->targets[i];
        json_object(w);
        json_name(w, "provider");
        json_put_str(w, target->provider->name);
        json_name(w, "model");
        json_put_str(w, target->model);
        json_name(w, "fallback");
        json_put_bool(w, target->fallback);
        json_name(w, "off");
        json_put_bool(w, target->provider->off != NULL);
        json_close(w);
    }
    json_close(w);
    json_close(w);
}

static int run(struct cli *cli)
{
    struct config *config = cli_load(cli, false);
    struct json_writer w;
    struct buf out;

    if (config == NULL)
        return CLI_CONFIG;
    buf_init(&out, 64 << 20);
    if (cli_option(cli, "json") != NULL) {
        json_writer_init(&w, &out);
        json_array(&w);
        for (size_t i = 0; i < config->model_count; i++)
            write_json(&config->models[i], &w);
        json_close(&w);
        json_end(&w);
        buf_str(&out, "\n");
    } else {
        for (size_t i = 0; i < config->model_count; i++)
            write_row(&config->models[i], &out);
    }
    config_unref(config);
    return cli_print(&out);
}

const struct cli_verb verb_models = {
    .name = "models",
    .summary = "list the models of the configuration",
    .arguments = "",
    .options = options,
    .notes = "One line a model: its name, its targets in order, what it falls back to. PROVIDER/MODEL can always be\n"
             "asked for too: llm-gateway providers.\n",
    .run = run,
};
