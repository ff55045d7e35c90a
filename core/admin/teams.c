/* teams.c - /admin/v1/teams. */
#include "admin/change.h"
#include "boot/key_json.h"
#include "boot/reload.h"

enum { SETTINGS_MOST = 1 << 20 };

static const struct config_team *find_team(const struct config *config, struct text name)
{
    for (size_t i = 0; i < config->team_count; i++)
        if (text_eq(config->teams[i].name, name))
            return &config->teams[i];
    return NULL;
}

int admin_teams_list(struct admin_call *call)
{
    json_array(&call->w);
    for (size_t i = 0; i < call->config->team_count; i++)
        if (admin_sees(call, call->config->teams[i].name))
            key_json_team(call->config, &call->config->teams[i], &call->w);
    json_close(&call->w);
    return 0;
}

int admin_teams_show(struct admin_call *call)
{
    const struct config_team *team = find_team(call->config, call->parts[0]);
    if (team == NULL || !admin_sees(call, team->name))
        return admin_refuse(call, 404, "not_found", "there is no team \"%.*s\"", TEXT_ARG(call->parts[0]));
    key_json_team(call->config, team, &call->w);
    return 0;
}

static int create(struct change *change)
{
    struct admin_call *call = change->call;
    struct text name = json_str(json_member(call->body, "name"));
    struct key_line line = KEY_LINE_NONE;
    struct buf settings;
    if (find_team(call->config, name) != NULL)
        return admin_refuse(call, 409, "exists", "there is a team \"%.*s\" already", TEXT_ARG(name));
    if (change_settings(call, &line) < 0)
        return -1;
    buf_init(&settings, SETTINGS_MOST);
    buf_str(&settings, "models = ");
    if (line.has_models)
        key_line_models(&line, &settings);
    else
        buf_str(&settings, "{ \"*\" }");
    key_line_settings(&line, &settings);
    keybook_add_team(change->book, name, buf_view(&settings));
    buf_free(&settings);
    return change_apply(change, name, TEXT_NONE, json_text(call->body));
}

int admin_teams_create(struct admin_call *call)
{
    struct text name = json_str(json_member(call->body, "name"));
    if (change_run(call, create) < 0)
        return -1;
    config_unref(call->config);
    call->config = reload_config(call->admin->parts.reload);
    const struct config_team *team = find_team(call->config, name);
    if (team == NULL)
        return admin_refuse(call, 409, "gone", "the team is gone: another change came between");
    key_json_team(call->config, team, &call->w);
    return 0;
}
