/* chat.c - llm-gateway chat: asks a running gateway, and prints the answer as it comes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gateway/provider.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/gateway_url.h"
#include "upstream/dial.h"
#include "upstream/framing.h"
#include "upstream/transfer.h"

enum { ANSWER_MAX = 64 << 20, QUESTION_MAX = 16 << 20 };

static const struct cli_option options[] = {
    { "model", 'm', "MODEL", "GW_MODEL", "what to ask; demo unless said" },
    { "url", 0, "URL", "GW_URL", "where the gateway is; http://127.0.0.1:8080 unless said" },
    { "key", 'k', "KEY", "GW_KEY", "the gateway's key; in the environment others cannot see it" },
    { "no-stream", 0, NULL, NULL, "print the answer when it is complete" },
    { "json", 0, NULL, NULL, "print the whole answer as it came, not streamed" },
    CLI_OPTIONS_END,
};

/* One question and what became of it. */
struct chat {
    struct loop loop;
    bool as_json, streams; /* what comes is an event stream */
    int status;
    struct framing framing;
    struct buf body; /* an answer that is not streamed, or an error */
    bool printed, ends_line;
    bool broken; /* stdout is gone, or an event is an error */
    enum transfer_failure failure;
    char finish[32]; /* the finish reason; "": none yet */
    char why[256];
};

static void print(struct chat *chat, struct text text)
{
    while (text.len > 0 && !chat->broken) {
        ssize_t wrote = write(STDOUT_FILENO, text.ptr, text.len);
        if (wrote < 0 && errno != EINTR) {
            cli_say("cannot write: %s", strerror(errno));
            chat->broken = true;
        }
        chat->ends_line = wrote > 0 && text.ptr[wrote - 1] == '\n';
        chat->printed = chat->printed || wrote > 0;
        text.ptr += wrote > 0 ? wrote : 0;
        text.len -= wrote > 0 ? (size_t)wrote : 0;
    }
}

/* "CODE: MESSAGE" of an error object, on stderr. */
static void say_error(int status, const struct json *error)
{
    struct text message = json_str(json_member(error, "message")), code = json_str(json_member(error, "code"));
    if (status == 200) /* inside a stream */
        cli_say("the answer broke off: %.*s: %.*s", TEXT_ARG(code), TEXT_ARG(message));
    else
        cli_say("%d %.*s: %.*s", status, TEXT_ARG(code), TEXT_ARG(message));
}

/* A call of a tool, on a line of its own: its name when it begins, its arguments as they come. */
static void print_calls(struct chat *chat, const struct json *calls)
{
    const struct json *call;
    for (size_t i = 0; (call = json_at(calls, i)) != NULL; i++) {
        const struct json *function = json_member(call, "function");
        struct text name = json_str(json_member(function, "name"));
        if (name.len > 0) {
            print(chat, chat->printed && !chat->ends_line ? TEXT("\ntool call: ") : TEXT("tool call: "));
            print(chat, name);
            print(chat, TEXT(" "));
        }
        print(chat, json_str(json_member(function, "arguments")));
    }
}

/* What a message, or a part of a streamed one, has to read. */
static void print_message(struct chat *chat, const struct json *choice, const struct json *message)
{
    struct text finish = json_str(json_member(choice, "finish_reason"));
    print(chat, json_str(json_member(message, "content")));
    print(chat, json_str(json_member(message, "refusal")));
    print_calls(chat, json_member(message, "tool_calls"));
    if (finish.len > 0)
        snprintf(chat->finish, sizeof chat->finish, "%.*s", TEXT_ARG(finish));
}

static int on_frame(void *arg, const struct frame *frame)
{
    struct chat *chat = arg;
    struct arena arena;
    arena_init(&arena, NULL, 0, ANSWER_MAX);
    const struct json *event = frame->comment ? NULL : json_parse(&arena, frame->data, NULL);
    if (json_member(event, "error") != NULL) {
        say_error(chat->status, json_member(event, "error"));
        chat->broken = true;
    }
    const struct json *choice = json_at(json_member(event, "choices"), 0);
    print_message(chat, choice, json_member(choice, "delta"));
    arena_fini(&arena);
    return 0;
}

static void on_head(void *owner, int status, const struct transfer_header *headers, size_t count)
{
    struct chat *chat = owner;
    chat->status = status;
    for (size_t i = 0; i < count; i++)
        if (text_eq_nocase(headers[i].name, TEXT("content-type")))
            chat->streams = text_starts_nocase(headers[i].value, TEXT("text/event-stream"));
}

static void on_body(void *owner, struct text bytes)
{
    struct chat *chat = owner;
    if (chat->streams)
        framing_feed(&chat->framing, bytes, on_frame, chat);
    else
        buf_text(&chat->body, bytes);
}

static void on_done(void *owner, enum transfer_failure failure, const char *why)
{
    struct chat *chat = owner;
    chat->failure = failure;
    snprintf(chat->why, sizeof chat->why, "%s", why != NULL ? why : transfer_failure_name(failure));
    if (chat->streams)
        framing_end(&chat->framing, true, on_frame, chat);
    loop_stop(&chat->loop);
}

/* What there is to ask: the arguments, or standard input. */
static int read_question(const struct cli *cli, struct buf *out)
{
    bool from_stdin = cli->arg_count == 0 || (cli->arg_count == 1 && strcmp(cli->args[0], "-") == 0);
    for (int i = 0; i < cli->arg_count && !from_stdin; i++) {
        buf_str(out, i > 0 ? " " : "");
        buf_str(out, cli->args[i]);
    }
    while (from_stdin) {
        size_t room;
        char *into = buf_room(out, 1 << 16, &room);
        ssize_t got = into != NULL ? read(STDIN_FILENO, into, room) : -1;
        buf_added(out, got > 0 ? (size_t)got : 0);
        if (got < 0 && into != NULL && errno == EINTR)
            continue;
        if (got < 0)
            return cli_usage(cli->verb, into == NULL ? "the question is too long" : "standard input cannot be read");
        if (got == 0)
            break;
    }
    return CLI_OK;
}

static void write_body(const struct cli *cli, struct text question, bool stream, struct buf *out)
{
    struct json_writer w;
    const char *model = cli_option(cli, "model");
    json_writer_init(&w, out);
    json_object(&w);
    json_name(&w, "model");
    json_put_str(&w, text_of(model != NULL ? model : "demo"));
    json_name(&w, "messages");
    json_array(&w);
    json_object(&w);
    json_name(&w, "role");
    json_put_str(&w, TEXT("user"));
    json_name(&w, "content");
    json_put_str(&w, question.ptr != NULL ? question : TEXT(""));
    json_close(&w);
    json_close(&w);
    json_name(&w, "stream");
    json_put_bool(&w, stream);
    json_close(&w);
    json_end(&w);
}

/* The end of the story: what to print still, and how to exit. */
static int finish(struct chat *chat, const char *url)
{
    struct arena arena;
    if (chat->failure == TRANSFER_CONNECT || chat->failure == TRANSFER_TIME_CONNECT) {
        cli_say("no gateway answers at %s: %s", url, chat->why);
        return CLI_UNREACHABLE;
    }
    arena_init(&arena, NULL, 0, ANSWER_MAX);
    const struct json *answer = chat->streams ? NULL : json_parse(&arena, buf_view(&chat->body), NULL);
    if (chat->status == 200 && chat->as_json) {
        print(chat, buf_view(&chat->body));
    } else if (chat->status == 200 && !chat->streams) {
        const struct json *choice = json_at(json_member(answer, "choices"), 0);
        print_message(chat, choice, json_member(choice, "message"));
    } else if (chat->status != 0 && chat->status != 200) {
        say_error(chat->status, json_member(answer, "error"));
    }
    if (chat->printed && !chat->ends_line)
        print(chat, TEXT("\n"));
    if (chat->status == 200 && !chat->printed && !chat->broken && chat->failure == TRANSFER_OK)
        cli_say("the answer has no text and no call of a tool (finish_reason: %s)",
                chat->finish[0] != '\0' ? chat->finish : "none");
    arena_fini(&arena);

    if (chat->failure != TRANSFER_OK) {
        cli_say("the answer broke off: %s", chat->why);
        return CLI_FAILED;
    }
    if (chat->status == 401 || chat->status == 403)
        return CLI_NOT_ALLOWED;
    return chat->status == 200 && !chat->broken ? CLI_OK : CLI_FAILED;
}

static int ask(struct chat *chat, const struct cli *cli, const char *url, struct text body)
{
    static const struct transfer_events events = { .on_head = on_head, .on_body = on_body, .on_done = on_done };
    const char *key = cli_option(cli, "key");
    struct buf address, bearer;

    buf_init(&address, 8 << 10);
    buf_printf(&address, "%s/v1/chat/completions", url);
    buf_init(&bearer, 8 << 10);
    buf_printf(&bearer, "Bearer %s", key != NULL ? key : "");
    struct transfer_header headers[] = { { TEXT("Content-Type"), TEXT("application/json") },
                                         { TEXT("Authorization"), buf_view(&bearer) } };
    struct transfer_request request = {
        .method = TEXT("POST"),
        .url = buf_view(&address),
        .headers = headers,
        .header_count = key != NULL ? 2 : 1,
        .body = &body,
        .body_count = 1,
        .connect_ns = 10 * CLOCK_S,
        .first_byte_ns = 600 * CLOCK_S,
        .idle_ns = 600 * CLOCK_S,
        .max_body = ANSWER_MAX,
    };
    if (loop_init(&chat->loop) < 0) {
        cli_say("cannot start: %s", strerror(errno));
        return CLI_FAILED;
    }
    struct dialer *dialer = dialer_new(1);
    if (dialer == NULL) {
        cli_say("cannot start: %s", strerror(errno));
        loop_fini(&chat->loop);
        return CLI_FAILED;
    }
    struct pool *pool = pool_new(&chat->loop, dialer, &(struct pool_settings){ .idle_per_origin = 1 });
    transfer_start(pool, &request, &events, chat);
    loop_run(&chat->loop);
    dialer_free(dialer);
    pool_free(pool);
    loop_fini(&chat->loop);
    buf_free(&address);
    buf_free(&bearer);
    return finish(chat, url);
}

static int run(struct cli *cli)
{
    struct chat chat = { .as_json = cli_option(cli, "json") != NULL };
    struct buf question, body;

    buf_init(&question, QUESTION_MAX);
    buf_init(&body, 2 * QUESTION_MAX);
    int code = read_question(cli, &question);
    if (code == CLI_OK) {
        char *url = gateway_url(cli);
        bool stream = cli_option(cli, "no-stream") == NULL && !chat.as_json;
        framing_init(&chat.framing, GW_FRAMING_SSE, ANSWER_MAX);
        buf_init(&chat.body, ANSWER_MAX);
        write_body(cli, buf_view(&question), stream, &body);
        code = ask(&chat, cli, url, buf_view(&body));
        framing_fini(&chat.framing);
        buf_free(&chat.body);
        free(url);
    }
    buf_free(&question);
    buf_free(&body);
    return code;
}

const struct cli_verb verb_chat = {
    .name = "chat",
    .summary = "ask a running gateway",
    .arguments = "TEXT...",
    .options = options,
    .notes = "The answer goes to stdout as it comes; without TEXT the question is read from standard input.\n"
             "Exit codes: 69 no gateway answers there, 77 it does not accept the key, 1 any other error.\n",
    .most_args = -1,
    .run = run,
};
