/* connect.c - llm-gateway connect CLIENT: the exact settings that point a client at the gateway. Only what this
 * version serves is listed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/gateway_url.h"

static const struct cli_option options[] = {
    { "url", 0, "URL", "GW_URL", "where the gateway is; http://127.0.0.1:8080 unless said" },
    { "key", 'k', "KEY", NULL, "the key to put into the settings" },
    { "model", 'm', "MODEL", NULL, "the model to put into them; demo unless said" },
    CLI_OPTIONS_END,
};

/* @URL@, @KEY@ and @MODEL@ are put in. */
static const struct {
    const char *name, *text;
} clients[] = {
    { "claude", "export ANTHROPIC_BASE_URL=@URL@\n"
                "export ANTHROPIC_AUTH_TOKEN=@KEY@\n"
                "export ANTHROPIC_MODEL=@MODEL@\n"
                "export ANTHROPIC_SMALL_FAST_MODEL=@MODEL@\n" },
    { "anthropic", "export ANTHROPIC_BASE_URL=@URL@\n"
                   "export ANTHROPIC_API_KEY=@KEY@\n" },
    { "openai", "export OPENAI_BASE_URL=@URL@/v1\n"
                "export OPENAI_API_KEY=@KEY@\n" },
    { "openai-python", "from openai import OpenAI\n"
                       "\n"
                       "client = OpenAI(base_url=\"@URL@/v1\", api_key=\"@KEY@\")\n"
                       "answer = client.chat.completions.create(\n"
                       "    model=\"@MODEL@\", messages=[{\"role\": \"user\", \"content\": \"hello\"}])\n"
                       "print(answer.choices[0].message.content)\n" },
    { "openai-js", "import OpenAI from \"openai\";\n"
                   "\n"
                   "const client = new OpenAI({ baseURL: \"@URL@/v1\", apiKey: \"@KEY@\" });\n"
                   "const answer = await client.chat.completions.create({\n"
                   "  model: \"@MODEL@\", messages: [{ role: \"user\", content: \"hello\" }] });\n"
                   "console.log(answer.choices[0].message.content);\n" },
    { "curl", "curl @URL@/v1/chat/completions -H 'Content-Type: application/json' -H 'Authorization: Bearer @KEY@' "
              "-d '{\"model\":\"@MODEL@\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}'\n" },
    { "langchain", "from langchain_openai import ChatOpenAI\n"
                   "\n"
                   "model = ChatOpenAI(base_url=\"@URL@/v1\", api_key=\"@KEY@\", model=\"@MODEL@\")\n"
                   "print(model.invoke(\"hello\").content)\n" },
    { "vercel", "import { createOpenAI } from \"@ai-sdk/openai\";\n"
                "import { generateText } from \"ai\";\n"
                "\n"
                "const gateway = createOpenAI({ baseURL: \"@URL@/v1\", apiKey: \"@KEY@\" });\n"
                "// .chat() asks for chat completions; gateway(\"@MODEL@\") alone would ask for /responses\n"
                "const { text } = await generateText({ model: gateway.chat(\"@MODEL@\"), prompt: \"hello\" });\n"
                "console.log(text);\n" },
    { "continue", "# config.yaml of Continue\n"
                  "models:\n"
                  "  - name: @MODEL@\n"
                  "    provider: openai\n"
                  "    model: @MODEL@\n"
                  "    apiBase: @URL@/v1\n"
                  "    apiKey: @KEY@\n" },
    { "open-webui", "# environment of Open WebUI; from inside a container, 127.0.0.1 is the container itself\n"
                    "OPENAI_API_BASE_URL=@URL@/v1\n"
                    "OPENAI_API_KEY=@KEY@\n" },
    { "codex",
      "# ~/.codex/config.toml; the model's provider must speak the Responses API itself (OpenAI, Azure, OpenRouter ...)\n"
      "model = \"@MODEL@\"\n"
      "model_provider = \"gateway\"\n"
      "\n"
      "[model_providers.gateway]\n"
      "name = \"gateway\"\n"
      "base_url = \"@URL@/v1\"\n"
      "env_key = \"GW_KEY\" # export GW_KEY=@KEY@\n"
      "wire_api = \"responses\"\n" },
    { "cursor", "Cursor Settings > Models > API Keys:\n"
                "    OpenAI API Key            @KEY@\n"
                "    Override OpenAI Base URL  @URL@/v1\n"
                "and add the model @MODEL@. Cursor asks from its own servers: they must reach that address.\n" },
};

/* Clients that speak what this version does not serve. */
static const struct {
    const char *name, *needs;
} later[] = {
    { "gemini", "/v1beta/models" },
};

static void fill_in(const char *text, const char *url, const char *key, const char *model, struct buf *out)
{
    static const char *const marks[] = { "@URL@", "@KEY@", "@MODEL@" };
    const char *values[] = { url, key, model };
    while (*text != '\0') {
        size_t mark = 0;
        while (mark < 3 && strncmp(text, marks[mark], strlen(marks[mark])) != 0)
            mark++;
        if (mark < 3) {
            buf_str(out, values[mark]);
            text += strlen(marks[mark]);
        } else {
            buf_append(out, text++, 1);
        }
    }
}

static void write_names(struct buf *out)
{
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++)
        buf_printf(out, " %s", clients[i].name);
}

static int list(void)
{
    struct buf out;
    buf_init(&out, 4 << 10);
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++)
        buf_printf(&out, "%s\n", clients[i].name);
    return cli_print(&out);
}

static int unknown(const struct cli *cli, const char *name)
{
    const char *names[32];
    size_t count = 0;
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        if (strcmp(later[i].name, name) == 0) {
            cli_say("%s needs %s, which this version does not serve", name, later[i].needs);
            return CLI_FAILED;
        }
    for (; count < sizeof clients / sizeof clients[0]; count++)
        names[count] = clients[count].name;
    names[count] = NULL;
    const char *nearest = text_nearest(text_of(name), names);
    if (nearest != NULL)
        return cli_usage(cli->verb, "unknown client \"%s\" (did you mean \"%s\"?)", name, nearest);
    return cli_usage(cli->verb, "unknown client \"%s\"; llm-gateway connect lists those it knows", name);
}

static int run(struct cli *cli)
{
    const char *key = cli_option(cli, "key"), *model = cli_option(cli, "model"), *text = NULL;
    struct buf out;

    if (cli->arg_count == 0)
        return list();
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++)
        if (strcmp(clients[i].name, cli->args[0]) == 0)
            text = clients[i].text;
    if (text == NULL)
        return unknown(cli, cli->args[0]);

    char *url = gateway_url(cli);
    buf_init(&out, 64 << 10);
    fill_in(text, url, key != NULL ? key : "none", model != NULL ? model : "demo", &out);
    free(url);
    if (key == NULL)
        fprintf(stderr, "(any key does while the configuration declares none; else say --key=KEY)\n");
    return cli_print(&out);
}

const struct cli_verb verb_connect = {
    .name = "connect",
    .summary = "print the settings that point a client at the gateway",
    .arguments = "[CLIENT]",
    .options = options,
    .notes = "Without CLIENT it lists those it knows.\n",
    .write_words = write_names,
    .most_args = 1,
    .run = run,
};
