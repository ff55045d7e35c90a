/* load.c - from a file, or from nothing, to a snapshot with its plugins open. */
#include "boot/load.h"

#include <errno.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "boot/builtin.h"
#include "boot/declare.h"
#include "boot/folders.h"
#include "boot/keybook.h"
#include "boot/link.h"
#include "boot/load_lua.h"
#include "plugin/plugin.h"

enum { FILE_MAX = 8 << 20, KEYS_FILE_MAX = 64 << 20, SCRATCH_MAX = 256 << 20 };

static int read_source(const struct load_options *options, struct load_report *report, struct buf *source);
static int read_keys(struct link *l, struct declared *declared, struct buf *keys);
static void open_plugins(struct link *l);
static void close_plugin(struct config_provider *provider);

void load_report_init(struct load_report *report, const struct load_options *options)
{
    const char *file = options->file != NULL ? options->file : "(built in)";
    complain_init(&report->complaints, file);
    complain_init(&report->warnings, file);
    complain_init(&report->notes, file);
}

void load_report_fini(struct load_report *report)
{
    complain_fini(&report->complaints);
    complain_fini(&report->warnings);
    complain_fini(&report->notes);
}

const char *load_lua_version(void)
{
    return LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE;
}

const char *load_folder_of(const char *file, struct arena *arena)
{
    const char *slash = file == NULL ? NULL : strrchr(file, '/');
    if (slash == NULL)
        return ".";
    return slash == file ? "/" : arena_str(arena, (struct text){ file, (size_t)(slash - file) });
}

/* Certificates that upstreams are checked against, where others than the system's are wanted: the variable
 * that OpenSSL, curl, Go and Python read too. */
static const char *ca_file(struct arena *arena, struct load_report *report)
{
    const char *path = getenv("SSL_CERT_FILE");
    if (path == NULL || path[0] == '\0')
        return NULL;
    if (access(path, R_OK) < 0)
        complain(&report->warnings, 0,
                 "warning: SSL_CERT_FILE: %s cannot be read: %s; upstreams are not trusted without it", path,
                 strerror(errno));
    return arena_str(arena, text_of(path));
}

/* Of each file the digest of the one before, a blank and its text. */
static void add_digest(struct config *config, struct text text)
{
    uint8_t digest[CRYPTO_SHA256_LEN];
    struct buf bytes;
    buf_init(&bytes, FILE_MAX + 1024);
    buf_printf(&bytes, "%s ", config->digest);
    buf_text(&bytes, text);
    crypto_sha256(buf_view(&bytes), digest);
    crypto_hex(digest, sizeof digest, config->digest);
    buf_free(&bytes);
}

static void write_digest(struct config *config, struct text source)
{
    add_digest(config, source);
    for (size_t i = 0; i < config->policy_count; i++) {
        add_digest(config, config->policies[i].source);
        for (const struct config_module *m = config->policies[i].modules; m != NULL; m = m->next)
            add_digest(config, m->source);
    }
}

struct config *load_config(const struct load_options *options, struct load_report *report)
{
    struct config *config = config_new();
    struct link link = { .options = options, .report = report, .config = config, .arena = &config->arena };
    struct declared declared = { .arena = &link.scratch, .limits.values = config->limits };
    struct buf source, keys;

    config_on_close(close_plugin);
    arena_init(&link.scratch, NULL, 0, SCRATCH_MAX);
    declared.last_provider = &declared.providers;
    declared.last_model = &declared.models;
    declared.last_team = &declared.teams;
    declared.last_project = &declared.projects;
    declared.last_tag = &declared.tags;
    declared.last_key = &declared.keys;
    declared.last_policy = &declared.policies;
    link.declared = &declared;
    link.folder = load_folder_of(options->file, &link.scratch);
    link.file_name = arena_str(link.arena, text_of(report->complaints.file));
    config->ca_file = ca_file(&config->arena, report);
    config->prefix_routing = options->file == NULL;
    config->file = options->file == NULL ? NULL : arena_str(&config->arena, text_of(options->file));

    buf_init(&source, FILE_MAX);
    buf_init(&keys, KEYS_FILE_MAX);
    if (read_source(options, report, &source) == 0 &&
        load_evaluate(buf_view(&source), 0, &declared, &report->complaints) == 0 &&
        read_keys(&link, &declared, &keys) == 0) {
        link_all(&link);
        open_plugins(&link);
    }
    if (report->complaints.count == 0) {
        config_seal(config);
        link_check_policies(&link);
        link_digest_policies(config);
    }
    write_digest(config, buf_view(&source));
    if (keys.len > 0)
        add_digest(config, buf_view(&keys));
    buf_free(&source);
    buf_free(&keys);
    link_fini(&link);
    if (report->complaints.count > 0) {
        config_unref(config);
        return NULL;
    }
    return config;
}

/* The keys that commands made stand beside the ledger, and count like those of the file. */
static int read_keys(struct link *l, struct declared *declared, struct buf *keys)
{
    struct load_report *report = l->report;
    if (declared->ledger.path.len == 0)
        return 0;
    const char *path = arena_printf(l->arena, "%s/" KEYBOOK_FILE, link_path(l, declared->ledger.path));
    report->complaints.second = report->warnings.second = report->notes.second =
        arena_str(&report->complaints.arena, text_of(path));
    if (l->options->keys.ptr != NULL)
        buf_text(keys, l->options->keys);
    else if (file_read(path, keys) < 0) {
        const char *mark = arena_printf(&l->scratch, "%s/" KEYBOOK_MARK, link_path(l, declared->ledger.path));
        int why = errno;
        if (why == ENOENT && access(mark, F_OK) < 0)
            return 0;
        if (why == ENOENT)
            complain(
                &report->complaints, COMPLAIN_SECOND,
                "it is missing, and commands made keys here: bring the file back, or remove %s to go on without them",
                mark);
        else
            complain(&report->complaints, COMPLAIN_SECOND, "it cannot be read: %s", strerror(why));
        return -1;
    }
    return load_evaluate(buf_view(keys), COMPLAIN_SECOND, declared, &report->complaints);
}

static int read_source(const struct load_options *options, struct load_report *report, struct buf *source)
{
    if (options->source.ptr != NULL) {
        buf_text(source, options->source);
        return 0;
    }
    if (options->file == NULL) {
        struct arena arena;
        arena_init(&arena, NULL, 0, 1 << 20);
        builtin_write(options->folders != NULL ? options->folders : folders_make(&arena, NULL, "."), report, source);
        arena_fini(&arena);
        return 0;
    }
    if (file_read(options->file, source) == 0)
        return 0;
    complain(&report->complaints, 0, "it cannot be read: %s", strerror(errno));
    return -1;
}

/* Last, and only when all else is right: an instance may open what it needs. One that is off need not succeed. */
static void open_plugins(struct link *l)
{
    struct fail fail;
    for (size_t i = 0; i < l->config->provider_count && l->report->complaints.count == 0; i++) {
        struct config_provider *provider = &l->config->providers[i];
        if (provider->off != NULL && !l->options->open_off)
            continue;
        const struct json *settings = json_parse(&l->scratch, buf_view(&l->settings[i]), &fail);
        if ((settings == NULL || plugin_open_provider(provider->plugin, settings, &provider->instance, &fail) < 0) &&
            provider->off == NULL)
            complain(&l->report->complaints, provider->line, "provider \"%.*s\": %s", TEXT_ARG(provider->name),
                     fail.text);
    }
}

static void close_plugin(struct config_provider *provider)
{
    plugin_close_provider(provider->plugin, provider->instance);
}
