/* purge.c - looks whether the names are somebody's, and has the cache forget. */
#include "boot/purge.h"

#include <stdlib.h>

static bool is_in(struct text name, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++)
        if (text_is(name, names[i]))
            return true;
    return false;
}

static int check_name(const char *what, struct text name, const char *const *names, struct fail *fail)
{
    if (name.ptr == NULL || is_in(name, names))
        return 0;
    const char *nearest = text_nearest(name, names);
    if (nearest == NULL)
        return fail_set(fail, FAIL_CLIENT, "there is no %s \"%.*s\"", what, TEXT_ARG(name));
    return fail_set(fail, FAIL_CLIENT, "there is no %s \"%.*s\" (did you mean \"%s\"?)", what, TEXT_ARG(name), nearest);
}

static int check_names(const struct config *config, struct text team, struct text model, struct fail *fail)
{
    size_t most = config->team_count > config->model_count ? config->team_count : config->model_count;
    const char **names = calloc(most + 1, sizeof *names);
    BUG_IF(names == NULL);
    for (size_t i = 0; i < config->team_count; i++)
        names[i] = config->teams[i].name.ptr;
    int result = check_name("team", team, names, fail);
    memset(names, 0, (most + 1) * sizeof *names);
    for (size_t i = 0; i < config->model_count; i++)
        names[i] = config->models[i].name.ptr;
    if (result == 0 && text_find(model, TEXT("/")) < 0) /* PROVIDER/MODEL is no block of its own */
        result = check_name("model", model, names, fail);
    free(names);
    return result;
}

static bool is_entry(struct text name)
{
    for (size_t i = 0; i < name.len; i++)
        if (text_hex(name.ptr[i]) < 0)
            return false;
    return name.len == PURGES_NAME_LEN;
}

const char *purge_file(const struct cache_answers *answers, const struct config *config, struct arena *arena)
{
    return answers_wait(answers) && config->ledger.path != NULL
               ? arena_printf(arena, "%s/cache-purges", config->ledger.path)
               : NULL;
}

int purge_run(struct cache_answers *answers, const struct config *config, struct text team, struct text model,
              struct text entry, struct fail *fail)
{
    struct arena arena;
    if (answers == NULL)
        return fail_set(fail, FAIL_CLIENT, "this gateway has no cache: its configuration has no line cache { }");
    if (entry.ptr != NULL && !is_entry(entry))
        return fail_set(fail, FAIL_CLIENT, "\"%.*s\" is no entry: `cache_entry` of the access log has %d hex digits",
                        TEXT_ARG(entry), PURGES_NAME_LEN);
    if (entry.ptr == NULL && check_names(config, team, model, fail) < 0)
        return -1;
    arena_init(&arena, NULL, 0, 64 << 10);
    if (entry.ptr != NULL)
        purges_add_entry(answers_purges(answers), entry);
    else
        purges_add(answers_purges(answers), team, model);
    const char *file = purge_file(answers, config, &arena);
    int result = file != NULL ? purges_save(answers_purges(answers), file, fail) : 0;
    arena_fini(&arena);
    return result;
}
