/* models.c - llm-gateway models: the models clients may ask for, and what becomes of the fields of a request that is
 * written for each. */
#include "base/json.h"
#include "cli/cli.h"
#include "plugin/plugin.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    CLI_OPTION_JSON,
    { "fields", 0, NULL, NULL, "and which fields of a request each provider changes, drops or refuses" },
    CLI_OPTIONS_END,
};

/* What is written, once for both forms. */
struct listing {
    struct buf *out;
    struct json_writer *json; /* NULL: text */
    bool fields;
    struct text asked;   /* the model's name on the command line; absent: all */
    struct fail *defect; /* of a plugin's table; its text is empty: none was found */
};

static struct text model_of(const struct listing *l, const struct config_target *target)
{
    bool as_asked = text_is(target->model, "*") && l->asked.ptr != NULL;
    return as_asked ? l->asked : target->model;
}

/* False: there is no such row. */
static bool capability(const struct listing *l, const struct config_target *target, uint32_t index, gw_capability *row)
{
    const struct config_provider *p = target->provider;
    if (p->instance == NULL) /* it is off, and could not be opened */
        return false;
    return plugin_capability(p->plugin, p->instance, model_of(l, target), p->base_url, index, row, l->defect) > 0;
}

static void row_of(const struct config_model *model, const struct listing *l)
{
    buf_printf(l->out, "%-24.*s", TEXT_ARG(model->name));
    for (size_t i = 0; i < model->target_count; i++) {
        const struct config_target *target = &model->targets[i];
        static const char *const before[LISTS] = { ", ", ", else ", ", where it is too long ",
                                                   ", where it is filtered " };
        buf_printf(l->out, "%s%.*s/%.*s%s", i == 0 ? " " : before[target->list], TEXT_ARG(target->provider->name),
                   TEXT_ARG(target->model), target->provider->off != NULL ? " (off)" : "");
    }
    buf_str(l->out, "\n");
}

static void write_fields(const struct config_target *target, const struct listing *l)
{
    gw_capability row, *c = &row;

    buf_printf(l->out, "  %.*s/%.*s%s\n", TEXT_ARG(target->provider->name), TEXT_ARG(model_of(l, target)),
               !capability(l, target, 0, c) ? ": nothing is told" : "");
    for (uint32_t i = 0; capability(l, target, i, c); i++) {
        buf_printf(l->out, "    %-30s %s", c->field, plugin_field_how(c->how));
        if (c->when != NULL)
            buf_printf(l->out, ", %s", c->when);
        if (c->as != NULL || c->why != NULL)
            buf_printf(l->out, ": %s%s", c->as != NULL ? "sent as " : "", c->as != NULL ? c->as : c->why);
        buf_str(l->out, "\n");
    }
}

static void put(struct json_writer *w, const char *name, const char *value)
{
    json_key(w, text_of(name));
    if (value != NULL)
        json_put_str(w, text_of(value));
    else
        json_put_null(w);
}

static void json_fields(const struct config_target *target, const struct listing *l)
{
    gw_capability row, *c = &row;
    struct json_writer *w = l->json;

    json_name(w, "fields");
    json_array(w);
    for (uint32_t i = 0; capability(l, target, i, c); i++) {
        json_object(w);
        put(w, "field", c->field);
        put(w, "how", plugin_field_how(c->how));
        put(w, "when", c->when);
        put(w, "as", c->as);
        put(w, "why", c->why);
        json_close(w);
    }
    json_close(w);
}

static void json_of(const struct config_model *model, const struct listing *l)
{
    struct json_writer *w = l->json;

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
        json_put_bool(w, target->list == LIST_FALLBACK);
        json_name(w, "list");
        json_put_str(w, text_of(target->list != LIST_FIRST ? config_list_name(target->list) : "targets"));
        json_name(w, "off");
        json_put_bool(w, target->provider->off != NULL);
        if (l->fields)
            json_fields(target, l);
        json_close(w);
    }
    json_close(w);
    json_close(w);
}

static void write_model(const struct config_model *model, const struct listing *l)
{
    if (l->json != NULL) {
        json_of(model, l);
        return;
    }
    row_of(model, l);
    for (size_t i = 0; l->fields && i < model->target_count; i++)
        write_fields(&model->targets[i], l);
}

/* All of them, or the one that was asked for: a model, PROVIDER/MODEL, or a family. False: there is none. */
static bool write_models(const struct config *config, const struct listing *l)
{
    struct text rest = l->asked, head;
    struct config_target direct = { .model = TEXT_NONE };

    for (size_t i = 0; l->asked.ptr == NULL && i < config->model_count; i++)
        write_model(&config->models[i], l);
    if (l->asked.ptr == NULL)
        return true;
    const struct config_model *model = config_model(config, l->asked);
    head = text_cut(&rest, '/');
    direct.provider = config_provider(config, head);
    direct.model = rest;
    if (model == NULL && direct.provider != NULL && rest.len > 0) {
        write_model(&(struct config_model){ .name = l->asked, .targets = &direct, .target_count = 1 }, l);
        return true;
    }
    if (model == NULL)
        model = config_family(config, l->asked);
    if (model != NULL)
        write_model(model, l);
    return model != NULL;
}

static int run(struct cli *cli)
{
    struct config *config = cli_load(cli, CLI_LOAD_OFF);
    struct json_writer w;
    struct buf out;
    struct fail defect = { .text = "" };
    struct listing l = {
        .out = &out, .fields = cli_option(cli, "fields") != NULL, .asked = TEXT_NONE, .defect = &defect
    };

    if (config == NULL)
        return CLI_CONFIG;
    buf_init(&out, 64 << 20);
    if (cli->arg_count > 0)
        l.asked = text_of(cli->args[0]);
    if (cli_option(cli, "json") != NULL) {
        l.json = &w;
        json_writer_init(&w, &out);
        json_array(&w);
    }
    bool found = write_models(config, &l);
    if (l.json != NULL) {
        json_close(&w);
        json_end(&w);
        buf_str(&out, "\n");
    }
    config_unref(config);
    if (defect.text[0] != '\0') {
        buf_free(&out);
        cli_say("%s", defect.text);
        return CLI_FAILED;
    }
    if (found)
        return cli_print(&out);
    buf_free(&out);
    cli_say("there is no model \"%s\": llm-gateway models lists them; PROVIDER/MODEL names one of a provider",
            cli->args[0]);
    return CLI_FAILED;
}

const struct cli_verb verb_models = {
    .name = "models",
    .summary = "list the models of the configuration, and what each takes",
    .arguments = "[MODEL]",
    .options = options,
    .notes = "One line a model: its name, its targets in order, what it falls back to. PROVIDER/MODEL can always be\n"
             "asked for too: llm-gateway providers.\n"
             "--fields prints the capability table: what becomes of a field when the gateway writes the request. What\n"
             "is not listed is carried as it is; what is dropped is told in x-gw-dropped and in the log, or refused\n"
             "for a model that says lossy = \"refuse\". A client that speaks the provider's own API is relayed.\n",
    .most_args = 1,
    .run = run,
};
