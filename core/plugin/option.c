/* option.c - checks what gateway.lua states about a plugin against the settings the plugin declares. Where the
 * line was is the caller's business. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "plugin/plugin.h"

static const gw_option *find(const gw_option *options, struct text name)
{
    for (const gw_option *o = options; o != NULL && o->name != NULL; o++)
        if (text_is(name, o->name))
            return o;
    return NULL;
}

static const char *type_name(uint32_t type)
{
    static const char *const names[] = {
        [GW_JSON_NULL] = "nothing",   [GW_JSON_BOOL] = "true or false", [GW_JSON_INT] = "a whole number",
        [GW_JSON_REAL] = "a number",  [GW_JSON_STR] = "a string",       [GW_JSON_ARRAY] = "a list",
        [GW_JSON_OBJECT] = "a table", [GW_JSON_ABSENT] = "nothing"
    };
    return names[type <= GW_JSON_ABSENT ? type : GW_JSON_ABSENT];
}

/* Does a value of `given` do for a setting of type `wanted`? An empty Lua table is list and table at once, and
 * reaches us as either. */
static bool fits(uint32_t wanted, const struct json *value)
{
    uint32_t given = (uint32_t)json_type(value);
    if (given == wanted)
        return true;
    if (wanted == GW_JSON_REAL)
        return given == GW_JSON_INT;
    return (wanted == GW_JSON_ARRAY || wanted == GW_JSON_OBJECT) &&
           (given == GW_JSON_ARRAY || given == GW_JSON_OBJECT) && json_count(value) == 0;
}

static int complain_unknown(const struct plugin *plugin, struct text name, struct fail *fail)
{
    enum { MOST = 64 };
    const char *names[MOST + 1];
    size_t count = 0;

    for (const gw_option *o = plugin->options; o != NULL && o->name != NULL && count < MOST; o++)
        if (!(o->flags & GW_OPTION_NAMED))
            names[count++] = o->name;
    names[count] = NULL;
    if (count == 0)
        return fail_set(fail, FAIL_OPERATOR, "unknown setting \"%.*s\": the plugin %s has no settings of its own",
                        TEXT_ARG(name), plugin->name);
    const char *near = text_nearest(name, names);
    if (near != NULL)
        return fail_set(fail, FAIL_OPERATOR, "unknown setting \"%.*s\" of the plugin %s; did you mean \"%s\"?",
                        TEXT_ARG(name), plugin->name, near);

    char list[256] = "";
    for (size_t i = 0, used = 0; i < count && used < sizeof list - 1; i++, used = strlen(list))
        snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", names[i]);
    return fail_set(fail, FAIL_OPERATOR, "unknown setting \"%.*s\" of the plugin %s; it has: %s", TEXT_ARG(name),
                    plugin->name, list);
}

int plugin_check_settings(const struct plugin *plugin, const struct json *settings, struct fail *fail)
{
    for (size_t i = 0; i < json_count(settings); i++) {
        struct text name = json_key_at(settings, i);
        const struct json *value = json_at(settings, i);
        const gw_option *option = find(plugin->options, name);
        if (option == NULL)
            return complain_unknown(plugin, name, fail);
        if (option->flags & GW_OPTION_NAMED)
            return fail_set(fail, FAIL_OPERATOR, "\"%s\" is a secret by name: secrets = { %s = env \"NAME\" }",
                            option->name, option->name);
        if (!fits(option->type, value))
            return fail_set(fail, FAIL_OPERATOR, "the setting \"%s\" of the plugin %s must be %s, not %s", option->name,
                            plugin->name, type_name(option->type), type_name((uint32_t)json_type(value)));
    }
    for (const gw_option *o = plugin->options; o != NULL && o->name != NULL; o++)
        if ((o->flags & GW_OPTION_REQUIRED) && !(o->flags & GW_OPTION_NAMED) &&
            json_get(settings, text_of(o->name)) == NULL)
            return fail_set(fail, FAIL_OPERATOR, "the setting \"%s\" of the plugin %s is missing: %s", o->name,
                            plugin->name, o->help != NULL ? o->help : type_name(o->type));
    return 0;
}
