/* test_load.c - good configurations: what the snapshot holds, what is noted, and that no secret gets out. */
#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench.h"
#include "boot/dump.h"
#include "boot/start.h"
#include "plugin/plugin.h"

#define DIGEST "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" /* of "test" */
#define CANARY "sk-canary-7f3a"

static const char *dumped(struct bench *b, struct buf *out)
{
    buf_init(out, 1 << 20);
    dump_config(b->config, out);
    buf_append(out, "", 1);
    return buf_view(out).ptr;
}

Test(load, takes_an_empty_file_with_every_default)
{
    struct bench b;
    bench_load(&b, "");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    cr_assert(text_is(b.config->listen.address, "127.0.0.1"));
    cr_assert_eq(b.config->listen.port, 8080);
    cr_assert_geq(b.config->listen.workers, 1);
    cr_assert_eq(b.config->limits.body_bytes, 20u << 20);
    cr_assert_eq(b.config->provider_count, 0);
    cr_assert_eq(b.config->team_count, 1);
    cr_assert(text_is(b.config->default_team->name, "default"));
    cr_assert_not(b.config->keys_required);
    cr_assert_not(b.config->prefix_routing);
    cr_assert_str_eq(b.config->file, "gateway.lua");
    bench_end(&b);
}

Test(load, reads_every_setting_of_the_listener_and_the_limits)
{
    struct bench b;
    bench_load(&b, "listen { address = \"[::1]:9000\", workers = 3 }\n"
                   "limits { body_mb = 0.5, answer_mb = 1, event_mb = 2, memory_mb = 3, header_kb = 16, headers = 50,\n"
                   "         connections = 10, in_flight = 7, header_s = 0.5, body_s = 1, write_s = 2, "
                   "keep_alive_s = 3,\n"
                   "         drain_s = 0, ping_s = 4 }\n");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    const struct config_limits *l = &b.config->limits;
    cr_assert(text_is(b.config->listen.address, "::1"));
    cr_assert_eq(b.config->listen.port, 9000);
    cr_assert_eq(b.config->listen.workers, 3);
    cr_assert_eq(l->body_bytes, 512u << 10);
    cr_assert_eq(l->answer_bytes, 1u << 20);
    cr_assert_eq(l->event_bytes, 2u << 20);
    cr_assert_eq(l->memory_bytes, 3u << 20);
    cr_assert_eq(l->header_bytes, 16u << 10);
    cr_assert_eq(l->header_count, 50);
    cr_assert_eq(l->connections, 10);
    cr_assert_eq(l->in_flight, 7);
    cr_assert_eq(l->header_ns, CLOCK_S / 2);
    cr_assert_eq(l->body_ns, 1 * CLOCK_S);
    cr_assert_eq(l->write_ns, 2 * CLOCK_S);
    cr_assert_eq(l->keep_alive_ns, 3 * CLOCK_S);
    cr_assert_eq(l->drain_ns, 0);
    cr_assert_eq(l->ping_ns, 4 * CLOCK_S);
    bench_end(&b);
}

Test(load, lets_an_option_win_over_the_file)
{
    struct bench b = { .options = { .file = "gateway.lua", .listen = ":0", .listen_from = "--listen" } };
    bench_load_with(&b, "listen { address = \"127.0.0.1:1\" }");
    cr_assert(text_is(b.config->listen.address, "0.0.0.0"));
    cr_assert_eq(b.config->listen.port, 0);
    bench_end(&b);

    b = (struct bench){ .options = { .file = "gateway.lua", .listen = "x", .listen_from = "GW_LISTEN" } };
    bench_load_with(&b, "");
    cr_assert_null(b.config);
    cr_assert(strncmp(bench_said(&b), "gateway.lua: GW_LISTEN: address takes", 37) == 0, "%s", bench_said(&b));
    bench_end(&b);
}

Test(load, gives_a_provider_what_its_plugin_usually_needs)
{
    struct bench b;
    setenv("OPENAI_TEST_KEY", CANARY "\n", 1);
    bench_load(&b, "provider \"openai\" {}");
    const struct config_provider *p = &b.config->providers[0];
    cr_assert(text_is(p->base_url, "https://api.openai.example/v1"));
    cr_assert_eq(p->secret_count, 1);
    cr_assert(text_is(p->secrets[0].value, CANARY), "the line end is not part of it");
    cr_assert_str_eq(p->secrets[0].from, "env \"OPENAI_TEST_KEY\"");
    cr_assert_null(p->off);
    cr_assert_not_null(p->instance);
    cr_assert_eq(p->line, 1);
    bench_end(&b);
    cr_assert_eq(bench_open, 0);
    unsetenv("OPENAI_TEST_KEY");
}

Test(load, never_sends_the_usual_key_to_another_address)
{
    struct bench b;
    setenv("OPENAI_TEST_KEY", CANARY, 1);
    bench_load(&b, "provider \"a\" { plugin = \"openai\", base_url = \"http://10.0.0.1:8000/v1/\" }\n"
                   "provider \"b\" { plugin = \"openai\", base_url = \"https://api.openai.example/v1//\" }\n"
                   "provider \"c\" { plugin = \"openai\", secrets = {} }\n");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    cr_assert(text_is(b.config->providers[0].base_url, "http://10.0.0.1:8000/v1"), "no slash at the end");
    cr_assert_eq(b.config->providers[0].secret_count, 0);
    cr_assert_null(b.config->providers[0].off);
    cr_assert_eq(b.config->providers[1].secret_count, 1, "the same address is not another one");
    cr_assert_eq(b.config->providers[2].secret_count, 0);
    bench_end(&b);
    unsetenv("OPENAI_TEST_KEY");
}

Test(load, switches_a_provider_off_when_its_only_secret_is_not_set)
{
    struct bench b;
    unsetenv("GW_TEST_A");
    setenv("GW_TEST_B", "", 1);
    setenv("GW_TEST_C", "c", 1);
    bench_load(&b, "provider \"one\" { plugin = \"openai\", secret = env \"GW_TEST_A\" }\n"
                   "provider \"two\" { plugin = \"openai\", secrets = { env \"GW_TEST_A\", env \"GW_TEST_B\" } }\n"
                   "provider \"three\" { plugin = \"openai\", secrets = { env \"GW_TEST_A\", env \"GW_TEST_C\" } }\n"
                   "provider \"four\" { plugin = \"test\", base_url = \"http://x\", token = env \"GW_TEST_A\" }\n"
                   "model \"m\" { \"one/x\", \"three/y\" }\nmodel \"n\" { \"one/x\" }\nmodel \"o*\" { \"two/*\" }\n");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    cr_assert_str_eq(b.config->providers[0].off, "env \"GW_TEST_A\" is not set");
    cr_assert_str_eq(b.config->providers[1].off, "env \"GW_TEST_A\" is not set");
    cr_assert_null(b.config->providers[2].off);
    cr_assert_eq(b.config->providers[2].secret_count, 1);
    cr_assert_str_eq(b.config->providers[3].off, "env \"GW_TEST_A\" is not set");
    cr_assert_eq(bench_open, 1, "what is off is not opened");
    cr_assert_eq(b.config->models[0].target_count, 2, "a target that is off is kept");
    cr_assert_str_eq(bench_said(&b),
                     "gateway.lua: no provider of these models is in use: n, o*\n"
                     "gateway.lua:1: provider \"one\" is off: env \"GW_TEST_A\" is not set\n"
                     "gateway.lua:2: provider \"two\" is off: env \"GW_TEST_A\" is not set\n"
                     "gateway.lua:3: provider \"three\": env \"GW_TEST_A\" is not set; the other secrets are used\n"
                     "gateway.lua:4: provider \"four\" is off: env \"GW_TEST_A\" is not set\n"
                     "gateway.lua:5: model \"m\": the target \"one/x\" is skipped: its provider is off\n");
    bench_end(&b);
}

Test(load, hands_a_plugin_its_own_settings_as_json)
{
    struct bench b;
    setenv("GW_TEST_C", "quote\"d", 1);
    bench_load(&b, "provider \"x\" { plugin = \"test\", base_url = \"http://x\", region = \"eu\", retries = 3,\n"
                   "  factor = 0.5, verbose = true, zones = { \"a\", \"b\" }, labels = { z = 1, a = { true } },\n"
                   "  token = env \"GW_TEST_C\" }\n");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    cr_assert_str_eq(bench_settings,
                     "{\"factor\":0.5,\"labels\":{\"a\":[true],\"z\":1},\"region\":\"eu\",\"retries\":3,"
                     "\"token\":\"quote\\\"d\",\"verbose\":true,\"zones\":[\"a\",\"b\"]}");
    cr_assert_str_eq(b.config->providers[0].settings,
                     "factor = 0.5, labels = { [\"a\"] = { true }, [\"z\"] = 1 }, region = \"eu\", retries = 3, "
                     "token = env \"GW_TEST_C\", verbose = true, zones = { \"a\", \"b\" }");
    bench_end(&b);

    bench_load(&b, "provider \"x\" { plugin = \"test\", base_url = \"http://x\", zones = {}, labels = {} }\n");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    cr_assert_str_eq(bench_settings, "{\"labels\":{},\"zones\":[]}",
                     "braces without anything are what the plugin likes");
    bench_end(&b);
}

Test(load, joins_models_with_their_targets_in_order)
{
    struct bench b;
    bench_load(&b, "provider \"demo\" {}\nprovider \"own\" { plugin = \"demo\" }\n"
                   "model \"fast\" { { \"demo/a/b\" }, \"own/c\", fallback = { \"demo/d\", { \"own/*\" } },\n"
                   "   timeout = { connect_s = 0.5 }, retry = { attempts = 5 }, lossy = \"refuse\", cache = false }\n"
                   "model \"claude-*\" { { \"own/*\" } }\n"
                   "model \"one\" { \"demo/x\", fallback = \"own/y\" }\n");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    const struct config_model *m = &b.config->models[0];
    cr_assert_eq(m->target_count, 4);
    cr_assert(text_is(m->targets[0].provider->name, "demo") && text_is(m->targets[0].model, "a/b"));
    cr_assert(text_is(m->targets[1].provider->name, "own") && text_is(m->targets[1].model, "c"));
    cr_assert(m->targets[1].list == LIST_FIRST);
    cr_assert(text_is(m->targets[2].model, "d") && m->targets[2].list == LIST_FALLBACK);
    cr_assert(text_is(m->targets[3].model, "*") && m->targets[3].list == LIST_FALLBACK);
    cr_assert_eq(m->timeouts.connect_ns, CLOCK_S / 2);
    cr_assert_eq(m->timeouts.idle_ns, 0, "what is not set here is the provider's, or the default");
    cr_assert_eq(m->attempts, 5);
    cr_assert(m->lossy_refuse);
    cr_assert_eq(config_family(b.config, TEXT("claude-haiku")), &b.config->models[1]);
    cr_assert_eq(b.config->models[1].attempts, CONFIG_DEFAULT_ATTEMPTS);
    cr_assert_not(b.config->models[1].lossy_refuse);
    cr_assert(b.config->models[2].targets[1].list == LIST_FALLBACK);
    bench_end(&b);
}

Test(load, joins_keys_with_their_teams)
{
    struct bench b;
    uint8_t digest[CRYPTO_SHA256_LEN];
    bench_load(&b, "key { sha256 = \"9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08\",\n"
                   "      team = \"support\", name = \"triage\", expires = \"2026-12-31T18:00:00+02:00\" }\n"
                   "key { sha256 = \"0000000000000000000000000000000000000000000000000000000000000001\",\n"
                   "      enabled = false, expires = \"2026-12-31\" }\n"
                   "team \"support\" { models = { \"fa*\" } }\nteam \"default\" { models = {} }\n");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    crypto_sha256(TEXT("test"), digest);
    const struct config_key *key = config_key(b.config, digest);
    cr_assert_not_null(key);
    cr_assert(text_is(key->name, "triage") && text_is(key->team->name, "support"));
    cr_assert(key->enabled);
    cr_assert_eq(key->expires_unix_ms, INT64_C(1798732800000));
    cr_assert(config_team_may(key->team, TEXT("fast")));
    cr_assert_not(config_team_may(key->team, TEXT("slow")));
    key = &b.config->keys[1];
    cr_assert(text_is(key->name, "00000000"));
    cr_assert_eq(key->team, b.config->default_team);
    cr_assert_not(config_team_may(key->team, TEXT("fast")), "an empty list allows nothing");
    cr_assert_not(key->enabled);
    cr_assert_eq(key->expires_unix_ms, INT64_C(1798761600000), "to the end of that day");
    cr_assert(b.config->keys_required);
    cr_assert_eq(b.config->team_count, 2);
    bench_end(&b);
}

Test(load, notes_a_team_that_names_a_model_nobody_declared)
{
    struct bench b;
    bench_load(&b, "provider \"demo\" {}\nmodel \"fast\" { \"demo/x\" }\nmodel \"claude-*\" { \"demo/*\" }\n"
                   "team \"a\" { models = { \"fsat\", \"fast\", \"claude-haiku\", \"demo/x\", \"zebra*\" } }\n");
    cr_assert_not_null(b.config);
    cr_assert_str_eq(bench_said(&b),
                     "gateway.lua:4: warning: team \"a\": no model is called \"fsat\" (did you mean \"fast\"?)\n");
    bench_end(&b);
}

Test(load, runs_loops_and_local_helpers)
{
    struct bench b;
    bench_load(&b, "local function gpu(n)\n  provider(\"gpu\" .. n) { plugin = \"openai\",\n"
                   "    base_url = string.format(\"http://10.0.0.%d:%s\", n, 8000 + math.max(n, 1)) }\nend\n"
                   "local list = {}\nfor i = 1, 3 do gpu(i); table.insert(list, \"gpu\" .. i .. \"/m\") end\n"
                   "for _, name in ipairs { \"a\", \"b\" } do model(name) { table.unpack(list) } end\n");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    cr_assert_eq(b.config->provider_count, 3);
    cr_assert(text_is(b.config->providers[2].base_url, "http://10.0.0.3:8003"));
    cr_assert_eq(b.config->model_count, 2);
    cr_assert_eq(b.config->models[1].target_count, 3);
    bench_end(&b);
}

Test(load, stops_what_runs_or_grows_without_end)
{
    static const struct {
        const char *source, *said;
    } cases[] = {
        { "\nwhile true do end", "gateway.lua:2: it ran for more than a second: an endless loop?\n" },
        { "local function f() return f() end f()", "gateway.lua:1: it ran for more than a second: an endless loop?\n" },
        { "local t = {('x'):rep(2^20)} for i = 1, 20 do t[1] = t[1] .. t[1] end",
          "gateway.lua: it needs more than 64 MB of memory\n" },
        { "local x = ('x'):rep(1e10)", "gateway.lua:1: string.rep: more than 1048576 bytes\n" },
        { "local x = (''):rep(1e12)", "gateway.lua:1: string.rep: more than 1048576 bytes\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        int64_t start = clock_cpu_ns();
        bench_load(&b, cases[i].source);
        cr_assert_null(b.config);
        cr_assert_str_eq(bench_said(&b), cases[i].said, "case %zu", i);
        cr_assert_lt(clock_cpu_ns() - start, 3 * CLOCK_S, "case %zu", i);
        bench_end(&b);
    }
}

Test(load, hides_what_could_reach_out)
{
    static const char *const names[] = {
        "io",           "os",           "require",        "load",      "loadfile", "dofile",
        "debug",        "package",      "collectgarbage", "coroutine", "pcall",    "xpcall",
        "setmetatable", "getmetatable", "rawset",         "rawget",    "_G",       "utf8",
        "warn"
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct bench b;
        char source[100];
        snprintf(source, sizeof source, "local x = %s", names[i]);
        bench_load(&b, source);
        cr_assert_null(b.config, "%s can be reached", names[i]);
        bench_end(&b);
    }
    struct bench b;
    bench_load(&b, "assert(string.dump == nil and table.move == nil and select('#', 1, 2) == 2 and next({}) == nil)\n"
                   "assert(type(tonumber('1')) == 'number' and ('x'):rep(3, ',') == 'x,x,x' and ('x'):upper() == 'X')");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    bench_end(&b);
}

/* Every way in which a secret, or what was written where one belongs, might be printed. */
Test(load, never_says_a_secret)
{
    static const char *const sources[] = {
        "provider \"openai\" { secret = \"" CANARY "\" }",
        "provider \"openai\" { secrets = \"" CANARY "\" }",
        "provider \"openai\" { secrets = { \"" CANARY "\" } }",
        "provider \"openai\" { secret = env \"" CANARY "\" }",
        "provider \"openai\" { secret = { \"" CANARY "\" } }",
        "provider \"openai\" { secret = \"" CANARY "\" \"x\" }",
        "provider \"openai\" { secret = \"" CANARY "",
        "provider \"openai\" { secret = [[" CANARY "]] [[x]] }",
        "provider \"openai\" { secret = \"" CANARY "\" + 1 }",
        "provider \"openai\" { secret = \"" CANARY "\" .. nil }",
        "provider \"openai\" { secret = -\"" CANARY "\" }",
        "provider \"openai\" { headers = { Authorization = \"" CANARY "\" } }",
        "provider \"openai\" { headers = { [\"x-api-key\"] = \"" CANARY "\\n\" } }",
        "provider \"openai\" { [\"" CANARY "-0123456789\"] = 1 }",
        "provider \"openai\" { base_url = \"https://" CANARY "@example.com\" }",
        "provider \"test\" { base_url = \"http://x\", token = \"" CANARY "\" }",
        "provider \"test\" { base_url = \"http://x\", token = env \"GW_TEST_CANARY\", region = 1 }",
        "provider \"openai\" { secret = env \"GW_TEST_CANARY\", headers = { [\"X-Y\"] = env \"GW_TEST_CANARY\" } }",
        "provider \"openai\" { secret = env \"GW_TEST_LINES\" }",
        "provider \"openai\" { headers = { [\"X-Y\"] = env \"GW_TEST_LINES\" } }",
        "error(tostring(env \"GW_TEST_CANARY\"))",
        "error(env \"GW_TEST_CANARY\")",
        "local x = env \"GW_TEST_CANARY\" .. \"\"",
        "local x = #env \"GW_TEST_CANARY\"",
        "local x = (env \"GW_TEST_CANARY\").value",
        "key { sha256 = \"" CANARY "\" }",
        "listen { tls = { cert = \"" CANARY "\", key = env \"GW_TEST_CANARY\" } }",
        "listen { tls = { cert = env \"GW_TEST_CANARY\", key = env \"GW_TEST_CANARY\" } }",
        "local t = { [env \"GW_TEST_CANARY\"] = 1 } provider \"test\" { base_url = \"http://x\", labels = t }",
    };
    setenv("GW_TEST_CANARY", CANARY, 1);
    setenv("GW_TEST_LINES", CANARY "\n" CANARY, 1);
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        struct bench b;
        bench_load(&b, sources[i]);
        cr_assert(strstr(bench_said(&b), "canary") == NULL, "case %zu said %s", i, bench_said(&b));
        if (b.config != NULL) {
            struct buf out;
            cr_assert(strstr(dumped(&b, &out), "canary") == NULL, "case %zu dumped it", i);
            buf_free(&out);
        }
        bench_end(&b);
    }
}

Test(load, reads_files_beside_the_configuration)
{
    char folder[] = "/tmp/gw-load-XXXXXX", file[200], secret[200];
    struct bench b;
    cr_assert_not_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/gateway.lua", folder);
    snprintf(secret, sizeof secret, "%s/key.txt", folder);
    FILE *out = fopen(secret, "w");
    fputs("sk-from-a-file\r\n", out);
    fclose(out);

    b = (struct bench){ .options = { .file = file } };
    bench_load_with(&b, "provider \"openai\" { secret = file \"key.txt\" }\n");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    cr_assert(text_is(b.config->providers[0].secrets[0].value, "sk-from-a-file"));
    cr_assert_str_eq(b.config->providers[0].secrets[0].from, "file \"key.txt\"");
    bench_end(&b);

    b = (struct bench){ .options = { .file = file } };
    bench_load_with(&b, "listen { tls = { cert = file \"key.txt\", key = file \"key.txt\" } }\n");
    cr_assert_null(b.config);
    cr_assert(strstr(bench_said(&b), "file \"key.txt\" is not PEM\n") != NULL, "%s", bench_said(&b));
    bench_end(&b);
    unlink(secret);
    rmdir(folder);
}

Test(load, takes_certificates_for_upstreams_from_the_usual_variable)
{
    struct bench b;
    unsetenv("SSL_CERT_FILE");
    bench_load(&b, "");
    cr_assert_null(b.config->ca_file, "the system's");
    bench_end(&b);
    setenv("SSL_CERT_FILE", "/no/such.pem", 1);
    bench_load(&b, "provider \"demo\" {}");
    cr_assert_str_eq(b.config->ca_file, "/no/such.pem");
    cr_assert_str_eq(bench_said(&b),
                     "gateway.lua: warning: SSL_CERT_FILE: /no/such.pem cannot be read: No such file or directory; "
                     "upstreams are not trusted without it\n");
    bench_end(&b);
    unsetenv("SSL_CERT_FILE");
}

/* What `check -T` prints is a configuration, and the same one. */
Test(load, dumps_what_it_would_load_again)
{
    struct bench first, second;
    struct buf one, two;
    setenv("GW_TEST_C", "c", 1);
    bench_load(
        &first,
        "listen { address = \":0\", workers = 2 }\nplugins { \"cache\" }\nlimits { body_mb = 0.25, "
        "ping_s = 0.1 }\n"
        "cache { mb = 5, ttl_s = 7, tools = true, any_target = true }\n"
        "provider \"demo\" {}\nprovider \"t\" { plugin = \"test\", base_url = \"http://[::1]:1/x\",\n"
        "  secrets = { env \"GW_TEST_A\", env \"GW_TEST_C\" }, headers = { [\"X-A\"] = \"q\\\"\\\\\", "
        "[\"X-B\"] = env \"GW_TEST_C\" },\n"
        "  timeout = { first_token_s = 2.5, total_s = 30 },\n"
        "  labels = { [\"a b\"] = \"\xc3\xa4\" }, zones = {}, token = env \"GW_TEST_C\" }\n"
        "model \"m\" { \"t/*\", fallback = { \"demo/x\" }, timeout = { idle_s = 1.5 }, slow = { tokens_per_s = 3 }, lossy = \"refuse\", cache = false }\n"
        "model \"n-*\" { \"t/a/b\" }\nteam \"x\" { models = { \"m\" } }\nteam \"y\" { models = {} "
        "}\nteam \"z\" { cache = false }\n"
        "key { sha256 = \"" DIGEST "\", team = \"x\", name = \"n\\\"\", expires = \"2030-01-01\" }\n");
    cr_assert_not_null(first.config, "%s", bench_said(&first));
    const char *text = dumped(&first, &one);
    bench_load(&second, text);
    cr_assert_not_null(second.config, "%s\n%s", bench_said(&second), text);
    cr_assert_str_eq(dumped(&second, &two), text);
    buf_free(&one);
    buf_free(&two);
    bench_end(&first);
    bench_end(&second);
}

Test(load, takes_secrets_by_name)
{
    struct bench first, second;
    struct buf one, two;
    setenv("GW_TEST_C", CANARY, 1);
    unsetenv("GW_TEST_A");
    bench_load(
        &first,
        "provider \"t\" { plugin = \"test\", base_url = \"http://x\", "
        "secrets = { session = env \"GW_TEST_A\", key_id = env \"GW_TEST_C\" } }\n"
        "provider \"off\" { plugin = \"test\", base_url = \"http://x\", secrets = { key_id = env \"GW_TEST_A\" } }\n"
        "model \"m\" { \"t/x\" }\n");
    cr_assert_not_null(first.config, "%s", bench_said(&first));
    const struct config_provider *p = &first.config->providers[0];
    cr_assert_null(p->off, "a secret that need not be there is not set");
    cr_assert_eq(p->secret_count, 0);
    cr_assert_eq(p->named_count, 1);
    cr_assert_str_eq(p->named[0].name, "key_id");
    cr_assert(text_is(p->named[0].value, CANARY));
    cr_assert_str_eq(first.config->providers[1].off, "env \"GW_TEST_A\" is not set");
    const char *text = dumped(&first, &one);
    cr_assert_not_null(strstr(text, "secrets = { key_id = env \"GW_TEST_C\", session = env \"GW_TEST_A\" },\n"), "%s",
                       text);
    cr_assert_null(strstr(text, CANARY));
    bench_load(&second, text);
    cr_assert_not_null(second.config, "%s\n%s", bench_said(&second), text);
    cr_assert_str_eq(dumped(&second, &two), text);
    buf_free(&one);
    buf_free(&two);
    bench_end(&first);
    bench_end(&second);
}

Test(load, asks_for_keys_where_others_can_connect)
{
    static const struct {
        const char *source;
        bool allowed;
    } cases[] = {
        { "listen { address = \"127.0.0.1:1\" }", true },
        { "listen { address = \"localhost:1\" }", true },
        { "listen { address = \"127.9.9.9:1\" }", true },
        { "listen { address = \"[::1]:1\" }", true },
        { "listen { address = \"[::ffff:127.0.0.1]:1\" }", true },
        { "listen { address = \":1\" }", false },
        { "listen { address = \"0.0.0.0:1\" }", false },
        { "listen { address = \"[::]:1\" }", false },
        { "listen { address = \"10.0.0.1:1\" }", false },
        { "listen { address = \"[::ffff:10.0.0.1]:1\" }", false },
        { "listen { address = \":1\" } key { sha256 = \"" DIGEST "\" }", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        struct fail fail = { .kind = FAIL_NONE };
        bench_load(&b, cases[i].source);
        cr_assert_not_null(b.config, "%s", bench_said(&b));
        cr_assert_eq(start_check_address(b.config, false, &fail) == 0, cases[i].allowed, "%s", cases[i].source);
        cr_assert_eq(start_check_address(b.config, true, &fail), 0);
        bench_end(&b);
    }
}

Test(load, finds_a_provider_by_the_service_that_a_plugin_knows)
{
    struct bench b;
    struct buf out;
    setenv("NEAR_TEST_KEY", CANARY, 1);
    bench_load(&b, "plugins { \"test\" }\n"
                   "provider \"near\" { }\n"
                   "provider \"mine\" { service = \"nearer\", region = \"x\" }\n"
                   "provider \"far\" { plugin = \"test\", service = \"near\", base_url = \"https://else.example\" }\n"
                   "provider \"plain\" { plugin = \"test\", base_url = \"https://else.example\" }\n");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    const struct config_provider *p = b.config->providers;
    cr_assert_str_eq(p[0].plugin->name, "test");
    cr_assert_str_eq(p[0].service->name, "near");
    cr_assert(text_is(p[0].base_url, "https://near.example/v1"));
    cr_assert_eq(p[0].secret_count, 1u);
    cr_assert_str_eq(p[0].settings, "service = \"near\"");
    cr_assert_str_eq(p[1].service->name, "nearer");
    cr_assert(text_is(p[1].base_url, "http://127.0.0.1:9/v1"));
    cr_assert_eq(p[1].wanted_count, 0u, "it needs no key");
    cr_assert_str_eq(p[1].settings, "region = \"x\", service = \"nearer\"");
    cr_assert_str_eq(p[2].service->name, "near");
    cr_assert_eq(p[2].wanted_count, 0u, "a key is not sent elsewhere because nothing was said");
    cr_assert_null(p[3].service);
    const char *text = dumped(&b, &out);
    cr_assert_not_null(strstr(text, "plugin = \"test\""));
    cr_assert_null(strstr(text, CANARY));
    buf_free(&out);
    bench_end(&b);
    unsetenv("NEAR_TEST_KEY");
}

Test(load, says_what_an_address_looks_like_and_which_service_is_not_known)
{
    struct bench b;
    bench_load(&b, "provider \"test\" { }\n");
    cr_assert_null(b.config);
    cr_assert_not_null(strstr(bench_said(&b), "write base_url = \"https://NAME.example\""), "%s", bench_said(&b));
    bench_end(&b);
    bench_load(&b, "plugins { \"test\" }\nprovider \"a\" { service = \"farther\" }\n");
    cr_assert_null(b.config);
    cr_assert_not_null(strstr(bench_said(&b), "no plugin knows a service \"farther\""), "%s", bench_said(&b));
    bench_end(&b);
}

Test(load, knows_a_service_at_its_usual_address)
{
    struct bench b;
    bench_load(&b, "provider \"a\" { plugin = \"openai\" }\n"
                   "provider \"b\" { plugin = \"openai\", base_url = \"https://api.openai.example/v1//\" }\n"
                   "provider \"c\" { plugin = \"openai\", base_url = \"http://127.0.0.1:1/v1\" }\n");
    cr_assert_not_null(b.config, "%s", bench_said(&b));
    cr_assert(b.config->providers[0].is_usual);
    cr_assert(b.config->providers[1].is_usual);
    cr_assert_not(b.config->providers[2].is_usual);
    bench_end(&b);
}
