/* main.c - gateway-conformance PLUGIN.so CASES_DIR: puts a provider or a store through its paces. What a case is: README.md. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

static const char usage[] =
    "usage: gateway-conformance [options] PLUGIN.so [CASES_DIR]\n"
    "\n"
    "Loads the plugin as the gateway does and runs every case of CASES_DIR/*.json, and what holds for any\n"
    "provider, cache or store.\n"
    "\n"
    "  --write             write what the provider does now into the cases, as what it must do\n"
    "  --recordings DIR    where the recordings are that cases name; with --api also: run all of them\n"
    "  --api A,B           the recordings of these APIs (chat, messages ...)\n"
    "  --settings JSON     of what has no case: recordings, and what is asked of every provider\n"
    "  --quiet             print only what did not pass\n";

static int64_t now(void *self)
{
    return ((const struct kit *)self)->now_ms;
}

static int64_t unix_now(void *self)
{
    return INT64_C(1700000000000) + now(self);
}

static void init_case(struct kit_case *c, struct kit *kit, struct case_file *file, struct arena *arena)
{
    *c = (struct kit_case){ .kit = kit, .file = file, .arena = arena };
    buf_init(&c->golden, 64 << 20);
    buf_init(&c->request, 64 << 20);
    buf_init(&c->dropped, 1 << 20);
}

static void end_case(struct kit_case *c, const char *where)
{
    struct kit *kit = c->kit;
    const char *word = c->problem[0] != '\0' ? "FAILED " : c->skip[0] != '\0' ? "SKIPPED" : "ok     ";

    if (c->problem[0] != '\0')
        kit->failed++;
    else if (c->skip[0] != '\0')
        kit->skipped++;
    else
        kit->passed++;
    if (!kit->quiet || case_failed(c))
        printf("%s %s%s%.*s\n", word, where, where[0] != '\0' ? ": " : "", TEXT_ARG(c->name));
    struct text why = text_of(c->problem[0] != '\0' ? c->problem : c->skip);
    while (why.len > 0) {
        struct text line = text_cut(&why, '\n');
        printf("        %.*s\n", TEXT_ARG(line));
    }
    buf_free(&c->golden);
    buf_free(&c->request);
    buf_free(&c->dropped);
}

/* What a case asks for, by its members. */
static void run_case(struct kit_case *c)
{
    struct body body;
    const struct json *read = json_member(c->json, "read");

    if (json_member(c->json, "open") != NULL) {
        run_open(c);
        return;
    }
    const struct json *settings = json_member(c->json, "settings");
    if (!session_open(c, settings != NULL ? settings : json_member(c->file->root, "settings")))
        return;
    if (read != NULL) {
        if (body_of_case(c, read, &body))
            run_read(c, &body);
    } else if (json_member(c->json, "build") != NULL) {
        run_build(c);
    } else if (json_member(c->json, "produce") != NULL) {
        run_produce(c);
    } else {
        case_fail(c, "it has none of open, build, read and produce");
    }
    session_close(c);
}

static int is_answer(const struct dirent *entry)
{
    struct text name = text_of(entry->d_name);
    return text_ends(name, TEXT(".sse")) || text_ends(name, TEXT(".lines")) || text_ends(name, TEXT(".json"));
}

/* The case that a bare file stands for: NAME[.STATUS].sse, .lines or .json beside NAME[.STATUS].events. Absent when it
 * has no events and none are to be written. */
static struct text case_of_answer(const struct kit *kit, struct arena *arena, const char *folder, const char *name)
{
    int stem = (int)(strrchr(name, '.') - name), status = 200;
    const char *events = arena_printf(arena, "%s/%.*s.events", folder, stem, name);
    FILE *file = fopen(events, "rb");

    if (file != NULL)
        fclose(file);
    if (file == NULL && (!kit->write || text_ends(text_of(name), TEXT(".json"))))
        return TEXT_NONE;
    if (stem > 4 && name[stem - 4] == '.')
        status = atoi(name + stem - 3);
    return text_of(arena_printf(
        arena, "{\"name\":\"%s\",\"read\":{\"file\":\"%s\",\"status\":%d},\"events_file\":\"%.*s.events\"}", name, name,
        status, stem, name));
}

/* The cases of a folder of bare files. */
static void run_folder(struct kit *kit, struct case_file *file, struct text folder)
{
    struct kit_case c;
    struct arena arena;
    struct case_file beside = *file;
    struct dirent **entries = NULL;

    beside.folder = text_of(arena_printf(&file->arena, "%.*s/%.*s", TEXT_ARG(file->folder), TEXT_ARG(folder)));
    int count = scandir(beside.folder.ptr, &entries, is_answer, alphasort);
    for (int i = 0; i < count; i++) {
        arena_init(&arena, NULL, 0, 1u << 30);
        init_case(&c, kit, &beside, &arena);
        struct text text = case_of_answer(kit, &arena, beside.folder.ptr, entries[i]->d_name);
        c.name = text_of(entries[i]->d_name);
        c.json = json_parse(&arena, text, NULL);
        if (text.ptr != NULL) {
            run_case(&c);
            if (kit->write && !case_failed(&c))
                write_case(&c);
            end_case(&c, "");
        }
        arena_fini(&arena);
        free(entries[i]);
    }
    free(entries);
}

static void run_file(struct kit *kit, const char *folder, const char *name)
{
    static struct case_file file;
    struct kit_case c;
    struct fail fail;
    struct arena arena;
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = (struct case_file){ .path = path, .folder = text_of(folder) };
    arena_init(&file.arena, NULL, 0, 256 << 20);
    init_case(&c, kit, &file, &file.arena);
    c.name = text_of("the file");
    file.text = case_read_file(&c, &file.arena, path);
    file.root = json_parse(&file.arena, file.text, &fail);
    if (json_type(file.root) != JSON_T_OBJECT) {
        case_fail(&c, "%s", fail.text);
        end_case(&c, name);
        arena_fini(&file.arena);
        return;
    }
    const struct json *list = json_member(file.root, "cases");
    struct text beside = json_str(json_member(file.root, "folder"));
    size_t count = list != NULL ? json_count(list) : beside.ptr != NULL ? 0 : 1;
    if (beside.ptr != NULL)
        run_folder(kit, &file, beside);
    const struct json **cases = arena_array(&file.arena, const struct json *, count + 1);
    struct text *texts = arena_array(&file.arena, struct text, count + 1);
    for (size_t i = 0; i < count; i++) {
        arena_init(&arena, NULL, 0, 1u << 30);
        init_case(&c, kit, &file, &arena);
        cases[i] = c.json = list != NULL ? json_at(list, i) : file.root;
        c.name = json_str(json_member(c.json, "name"));
        run_case(&c);
        if (kit->write && !case_failed(&c))
            texts[i] = write_case(&c);
        end_case(&c, name);
        arena_fini(&arena);
    }
    if (kit->write && !write_file(&file, cases, texts, count))
        fprintf(stderr, "%s cannot be written\n", path);
    arena_fini(&file.arena);
}

static bool has_word(const char *list, struct text word)
{
    struct text rest = text_of(list);
    while (rest.len > 0)
        if (text_eq(text_cut(&rest, ','), word))
            return true;
    return false;
}

/* Remembers which words of --api have a recording. */
static void note_api(struct kit *kit, struct text api)
{
    struct text rest = text_of(kit->apis);
    for (unsigned i = 0; rest.len > 0 && i < 64; i++)
        if (text_eq(text_cut(&rest, ','), api))
            kit->apis_seen |= UINT64_C(1) << i;
}

/* A word of --api that no recording has is a typing error: nothing would be tested. */
static void refuse_unseen_apis(struct kit *kit)
{
    struct text rest = text_of(kit->apis);
    for (unsigned i = 0; rest.len > 0 && i < 64; i++) {
        struct text word = text_cut(&rest, ',');
        if ((kit->apis_seen & UINT64_C(1) << i) != 0)
            continue;
        fprintf(stderr, "--api %.*s: no recording in %s has that api\n", TEXT_ARG(word), kit->recordings);
        kit->failed++;
    }
}

/* A recording has no golden events: what holds for every answer is asked of it. */
/* --settings; NULL: none. What is no JSON object is refused when it is checked. */
static const struct json *own_settings(const struct kit *kit, struct arena *arena)
{
    return kit->settings != NULL ? json_parse(arena, text_of(kit->settings), NULL) : NULL;
}

static void run_recording(struct kit *kit, const char *folder, const char *name)
{
    struct kit_case c;
    struct arena arena;
    struct body body;
    char path[4096];

    arena_init(&arena, NULL, 0, 1u << 30);
    init_case(&c, kit, NULL, &arena);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    c.name = text_of(name);
    const struct json *recording = json_parse(&arena, case_read_file(&c, &arena, path), NULL);
    struct text api = json_str(json_member(recording, "api"));
    if (!has_word(kit->apis, api)) {
        arena_fini(&arena);
        return;
    }
    note_api(kit, api);
    if (session_open(&c, own_settings(kit, &arena)) && body_of_recording(&c, recording, &body))
        run_read(&c, &body);
    session_close(&c);
    end_case(&c, "recording");
    arena_fini(&arena);
}

static int is_json(const struct dirent *entry)
{
    return text_ends(text_of(entry->d_name), TEXT(".json"));
}

/* How many files there were; -1 when the folder cannot be read. */
static int each_file(struct kit *kit, const char *folder,
                     void (*run)(struct kit *kit, const char *folder, const char *name))
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_json, alphasort);

    for (int i = 0; i < count; i++) {
        run(kit, folder, entries[i]->d_name);
        fflush(stdout);
        free(entries[i]);
    }
    free(entries);
    return count;
}

/* What holds for any provider. Settings that must be there make it the cases' business. */
static void run_own(struct kit *kit)
{
    const gw_provider_ops *ops = &kit->plugin->provider;
    struct kit_case c;
    struct arena arena;

    for (const gw_option *o = kit->plugin->options; o != NULL && o->name != NULL; o++)
        if ((o->flags & GW_OPTION_REQUIRED) != 0 && (o->flags & GW_OPTION_NAMED) == 0 && kit->settings == NULL)
            return;
    if ((ops->flags & GW_PROVIDER_LOCAL) != 0)
        return;
    for (uint32_t dialect = 0; dialect <= GW_DIALECT_COMPLETIONS; dialect = dialect == 0 ? 1 : dialect << 1) {
        if (dialect != 0 && (ops->dialects & dialect) == 0)
            continue;
        arena_init(&arena, NULL, 0, 64 << 20);
        init_case(&c, kit, NULL, &arena);
        c.name = dialect == 0 ? TEXT("errors of any shape")
                              : text_of(arena_printf(&arena, "a relayed %s request", plugin_dialect_name(dialect)));
        if (session_open(&c, own_settings(kit, &arena))) {
            if (dialect == 0)
                run_errors(&c);
            else
                run_relayed(&c, dialect);
        }
        session_close(&c);
        end_case(&c, "");
        arena_fini(&arena);
    }
}

static int parse(struct kit *kit, int argc, char **argv, const char **plugin, const char **cases)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--write") == 0)
            kit->write = true;
        else if (strcmp(argv[i], "--quiet") == 0)
            kit->quiet = true;
        else if (strcmp(argv[i], "--recordings") == 0 && i + 1 < argc)
            kit->recordings = argv[++i];
        else if (strcmp(argv[i], "--api") == 0 && i + 1 < argc)
            kit->apis = argv[++i];
        else if (strcmp(argv[i], "--settings") == 0 && i + 1 < argc)
            kit->settings = argv[++i];
        else if (argv[i][0] != '-' && *plugin == NULL)
            *plugin = argv[i];
        else if (argv[i][0] != '-' && *cases == NULL)
            *cases = argv[i];
        else
            return -1;
    }
    return *plugin != NULL ? 0 : -1;
}

int main(int argc, char **argv)
{
    static struct kit kit;
    const char *path = NULL, *cases = NULL;
    struct fail fail;

    if (parse(&kit, argc, argv, &path, &cases) < 0) {
        fputs(usage, stderr);
        return 2;
    }
    json_start();
    kit.plugin = plugin_load(path, &fail);
    if (kit.plugin != NULL && kit.plugin->kind == GW_KIND_STORE)
        return store_run(&kit);
    if (kit.plugin == NULL || (kit.plugin->kind != GW_KIND_PROVIDER && kit.plugin->kind != GW_KIND_CACHE)) {
        fprintf(stderr, "%s\n", kit.plugin == NULL ? fail.text : "this kit is for providers, caches and stores");
        puts("conformance: 0 passed, 1 failed, 0 skipped");
        return 1;
    }
    kit.host = *call_host();
    kit.host.self = &kit;
    kit.host.now_ms = now;
    kit.host.unix_ms = unix_now;
    if (kit.plugin->kind == GW_KIND_CACHE)
        return cache_run(&kit);
    run_own(&kit);
    if (cases != NULL && each_file(&kit, cases, run_file) <= 0) {
        fprintf(stderr, "there are no cases (*.json) in %s\n", cases);
        kit.failed++;
    }
    if (kit.apis != NULL && kit.recordings == NULL) {
        fputs("--api needs --recordings DIR\n", stderr);
        kit.failed++;
    } else if (kit.apis != NULL) {
        each_file(&kit, kit.recordings, run_recording);
        refuse_unseen_apis(&kit);
    }
    printf("conformance: %u passed, %u failed, %u skipped\n", kit.passed, kit.failed, kit.skipped);
    return kit.failed > 0 ? 1 : 0;
}
