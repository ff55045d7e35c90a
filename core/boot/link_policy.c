/* link_policy.c - policies: their files are read, what they are for is checked, and each is loaded once to see whether it is sound. */
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/map.h"
#include "boot/link.h"
#include "boot/secret.h"
#include "script/script.h"
#include "upstream/address.h"

enum { SOURCE_MOST = 1 << 20, SHOWN_MOST = 50 /* bytes of a file's name in Lua's messages */ };

static void complain_policy(struct link *l, const struct declare_policy *said, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void complain_policy(struct link *l, const struct declare_policy *said, const char *format, ...)
{
    const char *where =
        said->file.ptr != NULL ? arena_printf(&l->scratch, "policy \"%.*s\"", TEXT_ARG(said->file)) : "policy";
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(&l->scratch, format, args);
    va_end(args);
    complain(&l->report->complaints, said->line, "%s: %s", where, text);
}

/* The name without folders and .lua. */
static struct text stem_of(struct text file)
{
    for (size_t i = file.len; i-- > 0;)
        if (file.ptr[i] == '/') {
            file.ptr += i + 1;
            file.len -= i + 1;
            break;
        }
    if (text_ends(file, TEXT(".lua")))
        file.len -= 4;
    return file;
}

/* As Lua's messages have it: the end of it, where it is long. */
static const char *shown(struct link *l, struct text file)
{
    if (file.len <= SHOWN_MOST)
        return arena_str(l->arena, file);
    return arena_printf(l->arena, "...%.*s", SHOWN_MOST - 3, file.ptr + file.len - (SHOWN_MOST - 3));
}

static void read_source(struct link *l, const struct declare_policy *said, struct config_policy *p)
{
    struct buf source;
    const char *path = said->file.ptr[0] == '/' ? arena_str(&l->scratch, said->file)
                                                : arena_printf(&l->scratch, "%s/%.*s", l->folder, TEXT_ARG(said->file));
    buf_init(&source, SOURCE_MOST);
    if (file_read(path, &source) < 0)
        complain_policy(l, said, "%s cannot be read: %s", path, strerror(errno));
    p->source = arena_text(l->arena, source.len > 0 ? buf_view(&source) : TEXT(""));
    p->file = shown(l, said->file);
    p->folder = load_folder_of(path, l->arena);
    buf_free(&source);
}

/* A rule of one line, as a file whose lines are those of gateway.lua. */
static void write_rule(struct link *l, const struct declare_policy *said, struct config_policy *p)
{
    struct buf source;
    if (said->when.ptr == NULL || said->route.ptr == NULL) {
        complain_policy(
            l, said, "without a file it takes when and route: policy { when = 'req.images > 0', route = \"vision\" }");
        return;
    }
    buf_init(&source, SOURCE_MOST);
    for (int i = 1; i < said->line; i++)
        buf_str(&source, "\n");
    buf_str(&source, "local to = gw.args { route = gw.arg.model(\"");
    json_escape(&source, said->route); /* printable: load_read_string() has looked */
    buf_printf(&source, "\") } return { on_request = function(req) if (%.*s) then return gw.route(to.route) end end }",
               TEXT_ARG(said->when));
    p->source = arena_text(l->arena, buf_view(&source));
    p->file = shown(l, text_of(l->file_name));
    buf_free(&source);
}

static struct text *copy_texts(struct link *l, const struct declare_texts *said, size_t *count)
{
    struct text *out = arena_array(l->arena, struct text, said->count);
    for (size_t i = 0; i < said->count; i++)
        out[i] = arena_text(l->arena, said->items[i]);
    *count = said->count;
    return out;
}

static void check_teams(struct link *l, const struct declare_policy *said)
{
    const char **names = arena_array(&l->scratch, const char *, l->config->team_count + 1);
    for (size_t i = 0; i < l->config->team_count; i++)
        names[i] = arena_str(&l->scratch, l->config->teams[i].name);
    for (size_t i = 0; i < said->teams.count; i++) {
        bool known = false;
        for (size_t k = 0; k < l->config->team_count && !known; k++)
            known = text_matches(l->config->teams[k].name, said->teams.items[i]);
        if (known)
            continue;
        const char *nearest = text_nearest(said->teams.items[i], names);
        complain_policy(l, said, "there is no team \"%.*s\"%s%s%s", TEXT_ARG(said->teams.items[i]),
                        nearest != NULL ? " (did you mean \"" : "", nearest != NULL ? nearest : "",
                        nearest != NULL ? "\"?)" : "");
    }
}

static void check_kinds(struct link *l, const struct declare_policy *said, struct config_policy *p)
{
    for (size_t i = 0; i < said->kinds.count; i++) {
        uint32_t kind = script_kind_of(said->kinds.items[i]);
        p->kinds |= kind;
        if (kind != 0)
            continue;
        const char *nearest = text_nearest(said->kinds.items[i], script_kinds);
        complain_policy(l, said, "there is no kind \"%.*s\"%s%s%s", TEXT_ARG(said->kinds.items[i]),
                        nearest != NULL ? " (did you mean \"" : "", nearest != NULL ? nearest : "",
                        nearest != NULL ? "\"?)" : "");
    }
}

static void make_headers(struct link *l, const struct declare_policy *said, const struct declare_place *from,
                         struct config_place *place)
{
    place->headers = arena_array(l->arena, struct config_header, from->headers.count);
    for (size_t i = 0; i < from->headers.count; i++) {
        const struct declare_header *it = &from->headers.items[i];
        struct config_header *header = &place->headers[place->header_count++];
        const char *why;
        header->name = arena_text(l->arena, it->name);
        header->secret = it->value.ptr == NULL;
        if (!header->secret) {
            header->value = arena_text(l->arena, it->value);
            continue;
        }
        header->from = secret_name(&it->secret, l->arena);
        if (secret_read(&it->secret, l->folder, l->arena, &header->value, &why) != SECRET_READ)
            complain_policy(l, said, "http: %s: \"%.*s\": %s %s", place->name, TEXT_ARG(it->name), header->from, why);
        else if (!secret_fits_header(header->value))
            complain_policy(l, said, "http: %s: \"%.*s\": %s holds a control character", place->name,
                            TEXT_ARG(it->name), header->from);
    }
}

static void make_places(struct link *l, const struct declare_policy *said, struct config_policy *p)
{
    p->places = arena_array(l->arena, struct config_place, said->places.count);
    for (size_t i = 0; i < said->places.count; i++) {
        const struct declare_place *from = &said->places.items[i];
        struct config_place *place = &p->places[p->place_count++];
        struct address address;
        const char *why;
        place->name = arena_str(l->arena, from->name);
        if (!link_is_name(from->name, false))
            complain_policy(l, said, "http: a place's name has letters, digits, _ . and -, at most 64");
        if (from->url.ptr == NULL)
            continue; /* that was complained of */
        struct text url = from->url;
        while (url.len > 0 && url.ptr[url.len - 1] == '/')
            url.len--;
        if (address_parse(url, &address, &why) < 0)
            complain_policy(l, said, "http: %s: the url %s", place->name, why);
        else if (text_find(url, TEXT("?")) >= 0)
            complain_policy(l, said, "http: %s: the url takes no query: it is of the path that gw.http is given",
                            place->name);
        place->url = arena_text(l->arena, url);
        make_headers(l, said, from, place);
    }
}

static void link_one(struct link *l, const struct declare_policy *said, struct config_policy *p)
{
    p->line = said->line;
    p->cpu_ns = said->cpu_ns;
    p->wait_ns = said->wait_ns;
    p->llm_wait_ns = said->llm_wait_ns;
    p->memory_bytes = said->memory_bytes;
    p->retries = said->retries;
    p->observe = text_is(said->mode, "observe");
    p->skip = text_is(said->on_error, "skip");
    p->args = said->args.ptr != NULL ? arena_text(l->arena, said->args) : TEXT("{}");
    p->models = copy_texts(l, &said->models, &p->model_count);
    p->teams = copy_texts(l, &said->teams, &p->team_count);
    p->llms = copy_texts(l, &said->llms, &p->llm_count);
    p->name = arena_str(l->arena, said->name.ptr != NULL   ? said->name
                                  : said->file.ptr != NULL ? stem_of(said->file)
                                                           : text_of(arena_printf(&l->scratch, "line-%d", said->line)));
    make_places(l, said, p);
    check_teams(l, said);
    check_kinds(l, said, p);
    if (said->file.ptr == NULL) {
        write_rule(l, said, p);
    } else {
        if (said->when.ptr != NULL || said->route.ptr != NULL)
            complain_policy(l, said, "when and route are for a policy without a file");
        read_source(l, said, p);
    }
    if (!link_is_name(text_of(p->name), false))
        complain_policy(
            l, said, "its name has letters, digits, _ . and -, at most 64, and begins with a letter or digit: \"%s\"",
            p->name);
}

/* A team's own, as if it were declared so. Its name has the team's before it. */
static void link_own(struct link *l, const struct declare_team *team, struct text file)
{
    struct config_policy *p = &l->config->policies[l->config->policy_count++];
    struct declare_policy said = { .line = team->line,
                                   .complete = true,
                                   .file = file,
                                   .on_error = TEXT("skip"),
                                   .mode = TEXT("enforce"),
                                   .cpu_ns = CONFIG_POLICY_CPU_NS,
                                   .wait_ns = CONFIG_POLICY_WAIT_NS,
                                   .llm_wait_ns = CONFIG_POLICY_LLM_WAIT_NS,
                                   .memory_bytes = CONFIG_POLICY_MEMORY,
                                   .retries = CONFIG_POLICY_RETRIES };
    said.name = text_of(arena_printf(&l->scratch, "%.*s.%.*s", TEXT_ARG(team->name), TEXT_ARG(stem_of(file))));
    link_one(l, &said, p);
    p->team = link_team(l->config, team->name);
    for (const struct config_policy *before = l->config->policies; before < p; before++)
        if (strcmp(before->name, p->name) == 0)
            complain(&l->report->complaints, team->line, "team \"%.*s\": policies: there is another policy \"%s\"",
                     TEXT_ARG(team->name), p->name);
}

static void link_of_teams(struct link *l)
{
    for (const struct declare_team *team = l->declared->teams; team != NULL; team = team->next) {
        if (team->policies.count > CONFIG_TEAM_POLICIES_MOST)
            complain(&l->report->complaints, team->line, "team \"%.*s\": %zu policies: at most %u",
                     TEXT_ARG(team->name), team->policies.count, CONFIG_TEAM_POLICIES_MOST);
        for (size_t i = 0; i < team->policies.count; i++)
            link_own(l, team, team->policies.items[i]);
    }
}

void link_policies(struct link *l)
{
    struct config *config = l->config;
    struct map seen;
    size_t count = 0, of_teams = 0;
    for (const struct declare_team *team = l->declared->teams; team != NULL; team = team->next)
        of_teams += team->policies.count;
    for (const struct declare_policy *said = l->declared->policies; said != NULL; said = said->next)
        count++;
    if (count > CONFIG_POLICIES_MOST)
        complain(&l->report->complaints, 0, "%zu policies: at most %u", count, CONFIG_POLICIES_MOST);
    config->policies = arena_array(l->arena, struct config_policy, count + of_teams);
    map_init(&seen);
    for (const struct declare_policy *said = l->declared->policies; said != NULL; said = said->next) {
        struct config_policy *p = &config->policies[config->policy_count++];
        if (!said->complete)
            complain_policy(l, said, "its braces are missing: policy \"file.lua\" { ... }");
        link_one(l, said, p);
        const struct declare_policy *first = map_put(&seen, text_of(p->name), (void *)(uintptr_t)said);
        if (first != NULL)
            complain_policy(l, said, "the name \"%s\" was already given in line %d: give one of them a name = ...",
                            p->name, first->line);
    }
    map_fini(&seen);
    link_of_teams(l);
}

static void on_wrong(void *arg, const struct config_policy *policy, const char *text)
{
    struct link *l = arg;
    complain(&l->report->complaints, policy->line, "policy \"%s\": %s", policy->name, text);
}

void link_check_policies(struct link *l)
{
    script_check(l->config, on_wrong, l);
}
