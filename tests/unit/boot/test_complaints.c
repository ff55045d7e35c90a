/* test_complaints.c - bad configurations, each with the exact complaint. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct bad {
    const char *source, *said;
};

#define G "gateway.lua:"
#define OPENAI "provider \"openai\" {}\n"
#define DIGEST "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static void check_all(const struct bad *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bench b;
        bench_load(&b, cases[i].source);
        cr_assert_null(b.config, "case %zu was accepted: %s", i, cases[i].source);
        cr_assert(strcmp(bench_said(&b), cases[i].said) == 0, "case %zu:\n%s\nsaid:\n%s\nnot:\n%s", i, cases[i].source,
                  bench_said(&b), cases[i].said);
        bench_end(&b);
        cr_assert_eq(bench_open, 0, "case %zu left an instance open", i);
    }
}

#define CHECK_ALL(cases) check_all((cases), sizeof(cases) / sizeof(cases)[0])

Test(complaints, name_the_line_of_what_is_not_lua)
{
    static const struct bad cases[] = {
        { "listen { address = \"x\"\n", G "2: '}' expected (to close '{' at line 1) near <eof>\n" },
        { "\n\nlisten { address = }\n", G "3: unexpected symbol near '}'\n" },
        { "#!/usr/bin/env lua\nlisten { = }\n", G "2: unexpected symbol near '='\n" },
        { "\xef\xbb\xbflisten { = }\n", G "1: unexpected symbol near '='\n" },
        { "local x\nx.y = 1\n", G "2: attempt to index a nil value (local 'x')\n" },
        { "error(\"no such\\nluck\")", G "1: no such luck\n" },
        { "error({})", "gateway.lua: it called error() with something that is not a string\n" },
        { "\x1bLua", "gateway.lua: attempt to load a binary chunk (mode is 't')\n" },
    };
    CHECK_ALL(cases);
}

Test(complaints, name_unknown_words_and_go_on)
{
    static const struct bad cases[] = {
        { "provdier \"x\" {}\nlistne { address = \"x\" }\n",
          G "1: unknown word \"provdier\" (did you mean \"provider\"?)\n" G
            "2: unknown word \"listne\" (did you mean \"listen\"?)\n" },
        { "sink { plugin = \"x\" }\nguard \"x.lua\" { args = {} }\nprices {}\n",
          G "1: the word \"sink\" is not in this version\n" G "2: the word \"guard\" is not in this version\n" G
            "3: the word \"prices\" is not in this version\n" },
        { "local key = os.getenv(\"X\")\n",
          G "1: there is no os here: secrets come from env \"NAME\" or file \"path\"\n" },
        { "require \"x\"\n", G "1: there is no require here: the configuration is one file\n" },
        { "zebra {}\n", G "1: unknown word \"zebra\"\n" },
        { "address = 1\n", G "1: a variable must be local: local address = ...\n" },
        { "listen = { address = \"x\" }\n", G "1: \"listen\" is a word, not a variable: write it without \"=\"\n" },
        { "listen { workers = nothing_such }\n", G "1: unknown word \"nothing_such\"\n" },
        { "provider \"test\" { base_url = \"http://x\", region = nothing }\n", G "1: unknown word \"nothing\"\n" },
        { "load(\"x\")()\n", G "1: unknown word \"load\"\n" },
    };
    CHECK_ALL(cases);
}

Test(complaints, name_what_is_wrong_with_the_listener)
{
    static const char *const wanted = "listen: address takes ADDRESS:PORT with a numeric address: \"127.0.0.1:8080\", "
                                      "\"[::1]:8080\" or \":8080\" for every address\n";
    static const char *const bad[] = {
        "8080",  "127.0.0.1", "127.0.0.1:",    "example.com:80", "127.0.0.1:65536", "127.0.0.1:-1", "::1:8080",
        "[::1]", "[::1]:x",   "[127.0.0.1]:1", "1.2.3:4",        "127.0.0.1:80 80", "[::1:80"
    };
    static const struct bad cases[] = {
        { "listen \"127.0.0.1:80\"\n", G "1: listen: it takes settings in braces, not a string: listen { ... }\n" },
        { "listen { wrokers = 2 }\n", G "1: listen: unknown setting \"wrokers\" (did you mean \"workers\"?)\n" },
        { "listen { port = 2 }\n", G "1: listen: unknown setting \"port\" (did you mean \"address\"?)\n" },
        { "listen { workers = 0 }\n", G "1: listen: workers takes \"auto\" or a whole number from 1 to 256, not 0\n" },
        { "listen { workers = 1.5 }\n",
          G "1: listen: workers takes \"auto\" or a whole number from 1 to 256, not 1.5\n" },
        { "listen { workers = \"two\" }\n",
          G "1: listen: workers takes \"auto\" or a whole number from 1 to 256, not \"two\"\n" },
        { "listen { address = 8080 }\n", G "1: listen: address takes a string, not a number\n" },
        { "listen { \"x\" }\n", G "1: listen: a value without a name: settings are written name = value\n" },
        { "listen { [2.5] = 1 }\n", G "1: listen: a setting's name is a string, and a list has no holes\n" },
        { "listen {}\n\nlisten {}\n", G "3: listen: it was already said in line 1\n" },
        { "listen { tls = { cert = file \"c.pem\" } }\n", G "1: listen: tls: \"key\" is missing\n" },
        { "listen { tls = { cert = \"c.pem\", key = env \"GW_TEST_UNSET\" } }\n",
          G "1: listen: tls: cert takes env \"NAME\" or file \"path\", not the secret itself\n" },
        { "listen { tls = { cert = file \"/no/such\", key = env \"GW_TEST_UNSET\" } }\n",
          G "1: listen: tls: cert: file \"/no/such\" cannot be read: No such file or directory\n" G
            "1: listen: tls: key: env \"GW_TEST_UNSET\" is not set\n" },
        { "listen { tls = true }\n", G "1: listen: tls takes settings in braces, not true\n" },
    };
    CHECK_ALL(cases);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char source[200], said[400];
        snprintf(source, sizeof source, "listen { address = \"%s\" }", bad[i]);
        snprintf(said, sizeof said, G "1: %s", wanted);
        check_all(&(struct bad){ source, said }, 1);
    }
}

Test(complaints, name_what_is_wrong_with_a_provider)
{
    static const struct bad cases[] = {
        { "provider { plugin = \"openai\" }\n",
          G "1: provider: its name comes before the braces: provider \"name\" { ... }\n" },
        { "provider \"openai\"\n", G "1: provider \"openai\": its settings are missing: provider \"name\" { ... }\n" },
        { "provider \"openai\" \"x\"\n", G "1: provider \"openai\": it takes settings in braces, not a string\n" },
        { "provider \"\" {}\n", G "1: provider: its name is empty\n" },
        { "provider \"Open AI\" { plugin = \"openai\" }\n",
          G "1: provider \"Open AI\": a provider's name has a-z, 0-9, _ . and -, at most 64, and begins with a "
            "letter or "
            "digit\n" },
        { OPENAI "\n" OPENAI, G "3: provider \"openai\": it was already declared in line 1\n" },
        { "provider \"nix\" {}\n", G "1: provider \"nix\": there is no plugin \"nix\"\n" },
        { "provider \"x\" { plugin = \"cache\" }\n", G "1: provider \"x\": the plugin \"cache\" is not a provider\n" },
        { "provider \"openai\" { api_kye = 1 }\n",
          G "1: provider \"openai\": unknown setting \"api_kye\" (did you mean \"secret\"?)\n" },
        { "provider \"openai\" { base_ulr = \"x\" }\n",
          G "1: provider \"openai\": unknown setting \"base_ulr\" (did you mean \"base_url\"?)\n" },
        { "provider \"openai\" { price = \"cheap\" }\n",
          G "1: provider \"openai\": price takes \"free\" or { input_usd_per_mtok = 2.5, ... }\n" },
        { "provider \"openai\" { price = {} }\n", G
          "1: provider \"openai\": price has names and US dollars: { input_usd_per_mtok = 2.5, output_usd_per_mtok = 10 }\n" },
        { "provider \"openai\" { price = { inptu_usd_per_mtok = 1 } }\n", G
          "1: provider \"openai\": price: \"inptu_usd_per_mtok\" is not the name of a price (did you mean \"input_usd_per_mtok\"?)\n" },
        { "provider \"openai\" { price = { input_usd_per_mtok = -1 } }\n", G
          "1: provider \"openai\": price: \"input_usd_per_mtok\" takes US dollars, 0 or more, with at most 9 digits after the point\n" },
        { "provider \"openai\" { price = { input_usd_per_mtok = 1e-10 } }\n", G
          "1: provider \"openai\": price: \"input_usd_per_mtok\" takes US dollars, 0 or more, with at most 9 digits after the point\n" },
        { "provider \"openai\" { price = { request_usd = \"1e3\" } }\n", G
          "1: provider \"openai\": price: \"request_usd\" takes US dollars, 0 or more, with at most 9 digits after the point\n" },
        { "provider \"openai\" { price = { request_usd = 1000001 } }\n",
          G "1: provider \"openai\": price: \"request_usd\" is over 1,000,000 US dollars\n" },
        { "provider \"test\" {}\n", G
          "1: provider \"test\": \"base_url\" is missing: the plugin \"test\" has no usual one; write base_url = \"https://NAME.example\"\n" },
        { "provider \"openai\" { secret = \"sk-canary\" }\n",
          G "1: provider \"openai\": secret takes env \"NAME\" or file \"path\", not the secret itself\n" },
        { "provider \"openai\" { secrets = { \"sk-canary\" } }\n",
          G "1: provider \"openai\": secrets takes env \"NAME\" and file \"path\", not the secrets themselves\n" },
        { "provider \"openai\" { secrets = { 1 } }\n",
          G "1: provider \"openai\": secrets takes a list of env \"NAME\" and file \"path\", not a number\n" },
        { "provider \"test\" { base_url = \"http://x\", secrets = { key_id = \"sk-canary\" } }\n",
          G "1: provider \"test\": secrets: key_id takes env \"NAME\" or file \"path\", not the secret itself\n" },
        { "provider \"test\" { base_url = \"http://x\", secrets = { env \"A\", key_id = env \"B\" } }\n",
          G "1: provider \"test\": secrets takes a list: values without names, no holes\n" },
        { "provider \"test\" { base_url = \"http://x\", secrets = { [3] = env \"B\" } }\n",
          G "1: provider \"test\": secrets takes a list, or names with a secret each: not both, and no holes\n" },
        { "provider \"test\" { base_url = \"http://x\", secrets = { key_id = env \"PATH\", sesion = env \"PATH\" } }\n",
          G "1: provider \"test\": secrets: the plugin test knows no \"sesion\"; did you mean \"session\"?\n" },
        { "provider \"test\" { base_url = \"http://x\", secrets = { session = env \"PATH\" } }\n",
          G "1: provider \"test\": secrets: \"key_id\" is missing: who signs\n" },
        { "provider \"openai\" { secrets = { key_id = env \"PATH\" } }\n", G
          "1: provider \"openai\": secrets: the plugin openai knows no secrets by name: write secrets = { env \"NAME\" }, or secret\n" },
        { "provider \"test\" { base_url = \"http://x\", key_id = env \"PATH\" }\n",
          G "1: provider \"test\": \"key_id\" is a secret by name: secrets = { key_id = env \"NAME\" }\n" },
        { "provider \"openai\" { secret = env \"A\", secrets = { env \"B\" } }\n",
          G "1: provider \"openai\": say \"secret\" or \"secrets\", not both\n" },
        { "provider \"openai\" { secret = file \"/no/such\" }\n",
          G "1: provider \"openai\": file \"/no/such\" cannot be read: No such file or directory\n" },
        { "provider \"openai\" { secret = file \"/\" }\n",
          G "1: provider \"openai\": file \"/\" cannot be read: Is a directory\n" },
        { "provider \"openai\" { secret = file \"/dev/null\" }\n",
          G "1: provider \"openai\": file \"/dev/null\" cannot be read: Invalid argument\n" },
        { "provider \"openai\" { secret = env \"sk-canary\" }\n",
          G "1: env: that is not the name of an environment variable\n" },
        { "provider \"openai\" { secret = env { \"X\" } }\n",
          G "1: env: takes a string, not something in braces: env \"NAME\"\n" },
        { "provider \"openai\" { secret = env \"X\" .. \"Y\" }\n",
          G "1: a secret cannot be joined with other text: it is read after this file has run\n" },
        { "provider \"openai\" { base_url = env \"X\" }\n",
          G "1: provider \"openai\": base_url takes a string, not a secret\n" },
        { "provider \"openai\" { plugin = { \"x\" } }\n",
          G "1: provider \"openai\": plugin takes a string, not something in braces\n" },
        { "local p = provider \"openai\"\np {}\np {}\n",
          G "1: provider \"openai\": it was already given its settings\n" },
    };
    unsetenv("OPENAI_TEST_KEY");
    CHECK_ALL(cases);
}

Test(complaints, name_what_is_wrong_with_an_address_of_a_provider)
{
    static const struct {
        const char *url, *said;
    } bad[] = {
        { "api.example.com/v1", "base_url begins with http:// or https://" },
        { "ftp://example.com", "base_url begins with http:// or https://" },
        { "https://", "base_url has no host" },
        { "https:///v1", "base_url has no host" },
        { "https://:80/v1", "base_url has no host" },
        { "https://u:sk-canary@example.com", "base_url takes no user or password: use secret or headers" },
        { "https://example.com/v1?a=b", "base_url takes no query and no fragment" },
        { "https://example.com/v1#x", "base_url takes no query and no fragment" },
        { "https://exa mple.com/", "base_url holds a character that no URL has" },
        { "https://example.com/\xc3\xa4", "base_url holds a character that no URL has" },
        { "https://example.com:0/", "base_url has a port that is not one" },
        { "https://example.com:65536/", "base_url has a port that is not one" },
        { "https://example.com:/", "base_url has a port that is not one" },
        { "https://[::1/", "base_url has an address without its closing bracket" },
        { "https://[::1]x/", "base_url has a port that is not one" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char source[200], said[300];
        snprintf(source, sizeof source, "provider \"test\" { base_url = \"%s\" }", bad[i].url);
        snprintf(said, sizeof said, G "1: provider \"test\": %s\n", bad[i].said);
        check_all(&(struct bad){ source, said }, 1);
    }
}

Test(complaints, name_what_is_wrong_with_headers)
{
#define WITH(headers) "provider \"openai\" { headers = " headers " }\n"
    static const struct bad cases[] = {
        { WITH("\"X-Y: z\""),
          G "1: provider \"openai\": headers takes { [\"Name\"] = \"value\" }, where a value may also be "
            "env \"NAME\" or file \"path\", not a string\n" },
        { WITH("{ \"X-Y: z\" }"), G "1: provider \"openai\": headers takes { [\"Name\"] = \"value\" }, not a list\n" },
        { WITH("{ [\"X Y\"] = \"z\" }"), G "1: provider \"openai\": headers: \"X Y\" is not a header's name\n" },
        { WITH("{ Host = \"z\" }"), G "1: provider \"openai\": headers: \"Host\" is written by the gateway itself\n" },
        { WITH("{ [\"transfer-encoding\"] = \"z\" }"),
          G "1: provider \"openai\": headers: \"transfer-encoding\" is written by the gateway itself\n" },
        { WITH("{ Authorization = \"Bearer sk-canary\" }"),
          G "1: provider \"openai\": headers: \"Authorization\" takes env \"NAME\" or file \"path\", not the secret "
            "itself\n" },
        { WITH("{ [\"X-Y\"] = \"a\\r\\nb\" }"),
          G "1: provider \"openai\": headers: X-Y holds a control character or is not UTF-8\n" },
        { WITH("{ [\"X-Y\"] = 1 }"), G "1: provider \"openai\": headers: X-Y takes a string, not a number\n" },
        { WITH("{ [\"X-Y\"] = env \"GW_TEST_UNSET\" }"),
          G "1: provider \"openai\": headers: \"X-Y\": env \"GW_TEST_UNSET\" is not set\n" },
    };
    CHECK_ALL(cases);
}

Test(complaints, name_what_is_wrong_with_settings_of_a_plugin)
{
#define TESTED(settings) "provider \"test\" { base_url = \"http://x\", " settings " }\n"
    static const struct bad cases[] = {
        { TESTED("regoin = \"eu\""),
          G "1: provider \"test\": unknown setting \"regoin\" (did you mean \"region\"?)\n" },
        { TESTED("regoin = { env \"X\" }"),
          G "1: provider \"test\": unknown setting \"regoin\" (did you mean \"region\"?)\n" },
        { TESTED("quux = 1"), G "1: provider \"test\": unknown setting \"quux\" (plugin \"test\")\n" },
        { TESTED("region = 1"),
          G "1: provider \"test\": the setting \"region\" of the plugin test must be a string, not a "
            "whole number\n" },
        { TESTED("retries = 1.5"), G "1: provider \"test\": the setting \"retries\" of the plugin test must be a whole "
                                     "number, not a number\n" },
        { TESTED("token = \"sk-canary\""),
          G "1: provider \"test\": token takes env \"NAME\" or file \"path\", not the secret itself\n" },
        { TESTED("region = env \"X\""), G "1: provider \"test\": region is not a secret: write its value\n" },
        { TESTED("labels = { a = env \"X\" }"),
          G "1: provider \"test\": labels holds a secret inside braces: a secret can "
            "only be the whole value of a setting\n" },
        { TESTED("labels = { a = 1, 2 }"), G "1: provider \"test\": labels mixes a list and names\n" },
        { TESTED("zones = { [1] = 1, [3] = 2 }"), G "1: provider \"test\": zones holds a list with holes\n" },
        { TESTED("zones = { [1.5] = 1 }"),
          G "1: provider \"test\": zones holds a name that is neither a string nor a place in a list\n" },
        { TESTED("factor = 1/0"), G "1: provider \"test\": factor holds a number that is not finite\n" },
        { TESTED("region = print"),
          G "1: provider \"test\": region holds something that is not text, a number, true, false or a table\n" },
        { TESTED("region = \"\\255\""), G "1: provider \"test\": region holds text that is not UTF-8\n" },
        { "local t = {} t.t = t\n" TESTED("labels = t"), G "2: provider \"test\": labels is nested too deeply\n" },
    };
    CHECK_ALL(cases);
}

#define PAID(name_) "model \"" name_ "\" { \"openai/x\", budget = { usd = 1 } }\n"

Test(complaints, name_what_is_wrong_with_a_model)
{
    static const struct bad cases[] = {
        { OPENAI "model \"fast\" {}\n", G "2: model \"fast\": it has no target: { \"provider/model\" }\n" },
        { OPENAI "model \"fast\" { {} }\n",
          G "2: model \"fast\": target 1: it takes one string: { \"provider/model\" }\n" G
            "2: model \"fast\": it has no target: { \"provider/model\" }\n" },
        { OPENAI "model \"fast\" { { 1 } }\n",
          G "2: model \"fast\": target 1: it takes one string, not a number: { \"provider/model\" }\n" G
            "2: model \"fast\": it has no target: { \"provider/model\" }\n" },
        { OPENAI "model \"fast\" { \"gpt-4o\" }\n",
          G "2: model \"fast\": the target \"gpt-4o\" is not written \"provider/model\"\n" },
        { OPENAI "model \"fast\" { \"openai/\" }\n",
          G "2: model \"fast\": the target \"openai/\" is not written \"provider/model\"\n" },
        { OPENAI "model \"fast\" { \"opnai/gpt-4o\" }\n",
          G "2: model \"fast\": there is no provider \"opnai\" (did you mean \"openai\"?)\n" },
        { OPENAI "model \"fast\" { \"zebra/gpt-4o\" }\n", G "2: model \"fast\": there is no provider \"zebra\"\n" },
        { OPENAI "model \"fast\" { \"openai/gpt-*\" }\n",
          G "2: model \"fast\": in the target \"openai/gpt-*\" a model's name must follow the slash, or * alone\n" },
        { OPENAI "model \"fast\" { \"openai/x\", fallback = { \"nix/y\" } }\n",
          G "2: model \"fast\": there is no provider \"nix\"\n" },
        { OPENAI "model \"fast\" { \"openai/x\", fallback = 1 }\n",
          G "2: model \"fast\": fallback takes a list of \"provider/model\", not a number\n" },
        { OPENAI "model \"fast\" { \"openai/x\", fallback = { a = 1 } }\n",
          G "2: model \"fast\": fallback takes a list: values without names, no holes\n" },
        { OPENAI "model \"fast\" { { \"openai/x\", max_in_flight = 0 } }\n", G
          "2: model \"fast\": target 1: max_in_flight takes \"adaptive\" or a whole number from 1 to 1000000, not 0\n" },
        { OPENAI "model \"fast\" { { \"openai/*\", max_in_flight = 3 } }\n", G
          "2: model \"fast\": max_in_flight of \"openai/*\": write the model's name after the slash, for it is the limit of one\n" },
        { OPENAI
          "model \"a\" { { \"openai/x\", max_in_flight = 3 } }\nmodel \"b\" { { \"openai/x\", max_in_flight = 4 } }\n",
          G "3: model \"b\": max_in_flight of \"openai/x\" is not that of another model: a target has one\n" },
        { "team \"t\" { priority = \"high\" }\n",
          G "1: team \"t\": priority takes \"critical\" or \"normal\" or \"low\", not \"high\"\n" },
        { OPENAI "ledger { path = \"l\" }\n" PAID("a") PAID("b") PAID("c") PAID("d") PAID("e") PAID("f") PAID("g")
              PAID("h") PAID("i") PAID("j"),
          G "11: model \"i\": more than 8 models with a budget have the target \"openai/x\"\n" },
        { OPENAI "model \"fast\" { { \"openai/x\", price = { page_usd = true } } }\n", G
          "2: model \"fast\": target 1: price: \"page_usd\" takes US dollars, 0 or more, with at most 9 digits after the point\n" },
        { OPENAI "model \"fast\" { \"openai/x\", strategy = \"least_busy\", sticky = \"conversation\" }\n", G
          "2: model \"fast\": sticky = \"conversation\" does not go with strategy = \"least_busy\": take out one of the two\n" },
        { OPENAI "model \"fast\" { \"openai/x\", strategy = \"random\" }\n", G
          "2: model \"fast\": strategy takes \"order\" or \"weighted\" or \"least_busy\" or \"lowest_cost\" or \"lowest_latency\", not \"random\"\n" },
        { OPENAI "model \"fast\" { \"openai/x\", timeout = { conect_s = 1 } }\n",
          G "2: model \"fast\": timeout: unknown setting \"conect_s\" (did you mean \"connect_s\"?)\n" },
        { OPENAI "model \"fast\" { \"openai/x\", timeout = { connect_s = 0 } }\n",
          G "2: model \"fast\": timeout: connect_s takes a number of seconds from 0.05 to 300, not 0\n" },
        { OPENAI "model \"fast\" { \"openai/x\", timeout = { idle_s = 0/0 } }\n",
          G "2: model \"fast\": timeout: idle_s takes a number of seconds from 0.05 to 86400, not -nan\n" },
        { OPENAI "model \"fast\" { \"openai/x\", timeout = 5 }\n",
          G "2: model \"fast\": timeout takes settings in braces, not a number\n" },
        { OPENAI "model \"fast\" { \"openai/x\", retry = { attempts = 0, budget = 0.1 } }\n",
          G "2: model \"fast\": retry: attempts takes a whole number from 1 to 20, not 0\n" G
            "2: model \"fast\": retry: the setting \"budget\" is not in this version\n" },
        { OPENAI "model \"fast\" { \"openai/x\", lossy = \"dorp\" }\n",
          G "2: model \"fast\": lossy takes \"drop\" or \"refuse\", not \"dorp\"\n" },
        { OPENAI "model \"a b\" { \"openai/x\" }\nmodel \"a*b\" { \"openai/x\" }\n",
          G "2: model \"a b\": a model's name has no blanks, at most 200 characters, and * only at its end\n" G
            "3: model \"a*b\": a model's name has no blanks, at most 200 characters, and * only at its end\n" },
        { OPENAI "model \"fast\" { \"openai/x\" }\nmodel \"fast\" { \"openai/x\" }\n",
          G "3: model \"fast\": it was already declared in line 2\n" },
    };
    CHECK_ALL(cases);
}

Test(complaints, name_what_is_wrong_with_teams_and_keys)
{
    static const struct bad cases[] = {
        { "team \"a b\" {}\n",
          G "1: team \"a b\": a team's name has letters, digits, _ . and -, at most 64, and begins with "
            "a letter or digit\n" },
        { "team \"a\" {}\nteam \"a\" {}\n", G "2: team \"a\": it was already declared in line 1\n" },
        { "team \"a\" { models = \"fast\" }\n", G "1: team \"a\": models takes a list of strings, not a string\n" },
        { "team \"a\" { models = { 1 } }\n", G "1: team \"a\": models takes a string, not a number\n" },
        { "team \"a\" { budget = {} }\n", G "1: team \"a\": budget: \"usd\" is missing\n" },
        { "team \"a\" { cache = {} }\n", G "1: team \"a\": cache takes true or false, not something in braces\n" },
        { "team \"a\" { zebra = {} }\n",
          G "1: team \"a\": unknown setting \"zebra\" (llm-gateway check --words lists them)\n" },
        { "cache { plugin = \"demo\" }\n", G "1: cache: the plugin \"demo\" is no cache\n" },
        { "cache { ttl_s = 1 }\n", G "1: cache: ttl_s takes a whole number from 2 to 2592000, not 1\n" },
        { "cache {}\ncache {}\n", G "2: cache: it was already said in line 1\n" },
        { "team \"a\"\n", G "1: team \"a\": its settings are missing: team \"name\" { ... }\n" },
        { "key {}\n", G "1: key: \"sha256\" is missing\n" },
        { "key \"x\" {}\n", G "1: key: it takes settings in braces, not a string: key { ... }\n" },
        { "key { sha256 = \"sk-canary\" }\n",
          G "1: key: sha256 takes the 64 hex digits of the key's digest: printf %s KEY | sha256sum\n" },
        { "key { sha256 = \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\" }\n",
          G "1: key: that is the digest of an empty key\n" },
        { "key { sha256 = \"" DIGEST "\" }\n\nkey { sha256 = \"" DIGEST "\" }\n",
          G "3: key: the same digest was already declared in line 1\n" },
        { "team \"support\" {}\nkey { sha256 = \"" DIGEST "\", team = \"suport\" }\n",
          G "2: key: there is no team \"suport\" (did you mean \"support\"?)\n" },
        { "key { sha256 = \"" DIGEST "\", team = \"x\" }\n", G "1: key: there is no team \"x\"\n" },
        { "key { sha256 = \"" DIGEST "\", enabled = 1 }\n", G "1: key: enabled takes true or false, not a number\n" },
        { "key { sha256 = \"" DIGEST "\", expires = \"2026-02-29\" }\n",
          G "1: key: expires takes \"2026-12-31\" or \"2026-12-31T18:00:00Z\", a day or moment that exists\n" },
        { "key { sha256 = \"" DIGEST "\", hash = \"x\" }\n",
          G "1: key: unknown setting \"hash\" (did you mean \"sha256\"?)\n" },
    };
    CHECK_ALL(cases);
}

Test(complaints, name_what_is_wrong_with_plugins_and_limits)
{
    static const struct bad cases[] = {
        { "plugins { \"nix\" }\n", G "1: plugins: there is no plugin \"nix\"\n" },
        { "plugins { 1 }\n", G "1: plugins: a name takes a string, not a number\n" },
        { "plugins { path = 1 }\n", G "1: plugins: path takes a string or a list of strings, not a number\n" },
        { "limits { body_mb = \"20\" }\n",
          G "1: limits: body_mb takes a number of MB from 0.001 to 1024, not a string\n" },
        { "limits { body_mb = 0 }\n", G "1: limits: body_mb takes a number of MB from 0.001 to 1024, not 0\n" },
        { "limits { body_mb = 1e9 }\n",
          G "1: limits: body_mb takes a number of MB from 0.001 to 1024, not 1000000000\n" },
        { "limits { headers = 1e30 }\n", G "1: limits: headers takes a whole number from 10 to 1000, not 1e+30\n" },
        { "limits { policy_ms = 10 }\n", G "1: limits: the setting \"policy_ms\" is not in this version\n" },
        { "limits { boddy_mb = 10 }\n", G "1: limits: unknown setting \"boddy_mb\" (did you mean \"body_mb\"?)\n" },
        { "limits {}\nlimits {}\n", G "2: limits: it was already said in line 1\n" },
    };
    CHECK_ALL(cases);
}

Test(complaints, are_counted_when_there_are_too_many)
{
    struct bench b;
    char source[4000] = "";
    for (size_t i = 0, used = 0; i < 25; i++, used = strlen(source))
        snprintf(source + used, sizeof source - used, "zebra%zu {}\n", i);
    bench_load(&b, source);
    cr_assert(strstr(bench_said(&b), G "20: unknown word \"zebra19\"\ngateway.lua: and 5 more\n") != NULL, "%s",
              bench_said(&b));
    bench_end(&b);
}

Test(complaints, come_in_the_order_of_the_file)
{
    struct bench b;
    bench_load(&b, "model \"a\" { \"x/y\" }\nzebra {}\nlistne {}\n");
    cr_assert_str_eq(bench_said(&b), G "1: model \"a\": there is no provider \"x\"\n" G "2: unknown word \"zebra\"\n" G
                                       "3: unknown word \"listne\" (did you mean \"listen\"?)\n");
    bench_end(&b);
}

Test(complaints, of_a_plugin_that_does_not_open_name_its_provider)
{
    struct bench b;
    bench_refuse = "the region is not one of ours";
    bench_load(&b, "provider \"a\" { plugin = \"test\", base_url = \"http://x\", region = \"moon\" }\n");
    bench_refuse = NULL;
    cr_assert_null(b.config);
    cr_assert(strstr(bench_said(&b), G "1: provider \"a\": ") == bench_said(&b), "%s", bench_said(&b));
    cr_assert(strstr(bench_said(&b), "the region is not one of ours") != NULL, "%s", bench_said(&b));
    bench_end(&b);
}
