/* link_capture.c - whose requests are captured. */
#include "boot/link.h"

static void check_team(struct link *l, struct text pattern)
{
    const struct config *config = l->config;
    const char **names = arena_array(&l->scratch, const char *, config->team_count + 1);
    for (size_t i = 0; i < config->team_count; i++) {
        if (text_matches(config->teams[i].name, pattern))
            return;
        names[i] = arena_str(&l->scratch, config->teams[i].name);
    }
    const char *nearest = text_nearest(pattern, names);
    complain(&l->report->complaints, l->declared->capture.line, "capture: there is no team \"%.*s\"%s%s%s",
             TEXT_ARG(pattern), nearest != NULL ? " (did you mean \"" : "", nearest != NULL ? nearest : "",
             nearest != NULL ? "\"?)" : "");
}

void link_capture(struct link *l)
{
    const struct declare_capture *said = &l->declared->capture;
    struct config_capture *capture = &l->config->capture;
    if (said->line == 0)
        return;
    *capture = (struct config_capture){ .teams = arena_array(l->arena, struct text, said->teams.count),
                                        .team_count = said->teams.count,
                                        .share = said->share,
                                        .days = said->days,
                                        .mb = said->mb };
    for (size_t i = 0; i < said->teams.count; i++) {
        capture->teams[i] = arena_text(l->arena, said->teams.items[i]);
        check_team(l, said->teams.items[i]);
    }
    if (l->config->ledger.path == NULL)
        complain(&l->report->complaints, said->line,
                 "capture needs a ledger, in whose folder its files are: ledger { path = \"ledger\" }");
}
