/* request.c - writes the body: members in the order in which Anthropic reads the prompt (tools, system, messages). */
#include "anthropic.h"

static void drop_others(struct request_writer *b)
{
    for (size_t i = 0; i < b->h->json->count(b->body); i++) {
        gw_str name = b->h->json->key_at(b->body, i);
        const gw_json *value = b->h->json->at(b->body, i);
        bool is_seed = anthropic_is(name, "seed"); /* 0 is one like any other */
        if (is_seed ? !is_null(b->h, value) : !anthropic_says_nothing(b, value))
            anthropic_drop_member(b, name);
    }
}

/* What changes the answer too much to be left out quietly. */
static void refuse_others(struct request_writer *b)
{
    const gw_json *modalities = get(b->h, b->body, "modalities");

    if (b->h->json->integer(get(b->h, b->body, "n"), 1) > 1)
        anthropic_refuse(b, "n: %s", anthropic_why(REFUSAL_N));
    if (b->h->json->boolean(get(b->h, b->body, "logprobs"), 0) == 1 ||
        b->h->json->integer(get(b->h, b->body, "top_logprobs"), 0) > 0)
        anthropic_refuse(b, "logprobs: %s", anthropic_why(REFUSAL_LOGPROBS));
    for (size_t i = 0; i < length(b->h, modalities); i++)
        if (!anthropic_is(b->h->json->str(b->h->json->at(modalities, i)), "text"))
            anthropic_refuse(b, "modalities: %s", anthropic_why(REFUSAL_SOUND));
    if (is_type(b->h, get(b->h, b->body, "audio"), GW_JSON_OBJECT))
        anthropic_refuse(b, "audio: %s", anthropic_why(REFUSAL_SOUND));
    if (!is_null(b->h, get(b->h, b->body, "functions")) || !is_null(b->h, get(b->h, b->body, "function_call")))
        anthropic_refuse(b, "%s", anthropic_why(REFUSAL_FUNCTIONS));
    if (!is_type(b->h, get(b->h, b->body, "messages"), GW_JSON_ARRAY))
        anthropic_refuse(b, "messages is not a list");
}

/* A number that is there, whatever it is. */
static bool is_number(const struct request_writer *b, const gw_json *value)
{
    return is_type(b->h, value, GW_JSON_INT) || is_type(b->h, value, GW_JSON_REAL);
}

static void write_temperature(struct request_writer *b, const gw_json *value, bool thinks)
{
    double number = b->h->json->real(value, 1);
    bool is_one = !(number < 1 || number > 1); /* the default: nothing is lost without it */

    if ((b->model->can & CAN_SAMPLE) == 0) {
        if (!is_one)
            anthropic_drop_of(b, LOSS_SAMPLING, "temperature");
    } else if (thinks) {
        if (!is_one)
            anthropic_drop(b, LOSS_TEMPERATURE_THINKS);
    } else if (number > 1) {
        anthropic_drop(b, LOSS_TEMPERATURE_HIGH);
        put_key(b, "temperature");
        b->h->write->integer(b->w, 1);
    } else {
        put_copy(b, "temperature", value);
    }
}

static void write_top_p(struct request_writer *b, const gw_json *value, bool thinks, bool has_temperature)
{
    double number = b->h->json->real(value, 1);

    if ((b->model->can & CAN_SAMPLE) == 0) {
        if (number < 1)
            anthropic_drop_of(b, LOSS_SAMPLING, "top_p");
    } else if (thinks && number < 0.95) {
        anthropic_drop(b, LOSS_TOP_P_THINKS);
    } else if (has_temperature && (b->model->can & CAN_BOTH) == 0) {
        if (number < 1)
            anthropic_drop(b, LOSS_TOP_P_BOTH);
    } else {
        put_copy(b, "top_p", value);
    }
}

static void write_sampling(struct request_writer *b)
{
    const gw_json *temperature = get(b->h, b->body, "temperature"), *top_p = get(b->h, b->body, "top_p");
    const gw_json *top_k = get(b->h, b->body, "top_k");
    bool thinks =
        b->plan.thinking != NULL && (!strcmp(b->plan.thinking, "enabled") || !strcmp(b->plan.thinking, "adaptive"));

    if (is_number(b, temperature))
        write_temperature(b, temperature, thinks);
    if (is_number(b, top_p))
        write_top_p(b, top_p, thinks, is_number(b, temperature) && !thinks);
    if (!is_number(b, top_k))
        return;
    if (thinks)
        anthropic_drop(b, LOSS_TOP_K_THINKS);
    else if ((b->model->can & CAN_SAMPLE) == 0)
        anthropic_drop_of(b, LOSS_SAMPLING, "top_k");
    else
        put_copy(b, "top_k", top_k);
}

/* White space alone is refused as a stop sequence. */
static void write_stop(struct request_writer *b)
{
    const gw_json *stop = get(b->h, b->body, "stop");
    bool is_one = is_type(b->h, stop, GW_JSON_STR), open = false;
    size_t count = is_one ? 1 : length(b->h, stop);

    for (size_t i = 0; i < count; i++) {
        gw_str word = b->h->json->str(is_one ? stop : b->h->json->at(stop, i));
        if (anthropic_is_blank(word)) {
            if (word.len > 0)
                anthropic_drop(b, LOSS_STOP);
            continue;
        }
        if (!open)
            put_array(b, "stop_sequences");
        open = true;
        b->h->write->str(b->w, word);
    }
    if (open)
        put_close(b);
}

/* Anthropic wants no names, addresses or telephone numbers, and refuses what looks like one. */
static bool is_personal(gw_str id)
{
    size_t digits = 0;
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] == '@')
            return true;
        digits += id.ptr[i] >= '0' && id.ptr[i] <= '9';
    }
    return id.len > 0 && id.ptr[0] == '+' && digits >= 7 && digits + 6 >= id.len;
}

static bool is_other(gw_str id, gw_str sent)
{
    return id.len > 0 && (id.len != sent.len || memcmp(id.ptr, sent.ptr, id.len) != 0);
}

static void write_user_id(struct request_writer *b)
{
    const gw_json *metadata = get(b->h, b->body, "metadata");
    gw_str user = get_str(b->h, b->body, "user"), own = get_str(b->h, metadata, "user_id");
    gw_str id = get_str(b->h, b->body, "safety_identifier");
    const char *member = "safety_identifier";

    if (id.len == 0) {
        id = user;
        member = "user";
    }
    if (id.len == 0) {
        id = own;
        member = "metadata";
    }
    if (is_other(user, id))
        anthropic_drop_of(b, LOSS_OTHER_ID, "user");
    if (is_other(own, id))
        anthropic_drop_of(b, LOSS_OTHER_ID, "metadata.user_id");
    if (b->h->json->count(metadata) > (own.len > 0 ? 1u : 0u))
        anthropic_drop(b, LOSS_METADATA);
    if (id.len == 0)
        return;
    if (id.len > anthropic_rule(RULE_USER_ID)->most || is_personal(id)) {
        anthropic_drop_of(b, LOSS_PERSON, member);
        return;
    }
    put_object(b, "metadata");
    put_str(b, "user_id", id);
    put_close(b);
}

static void write_tier(struct request_writer *b)
{
    gw_str tier = get_str(b->h, b->body, "service_tier");

    if (anthropic_is(tier, "auto"))
        put_word(b, "service_tier", "auto");
    else if (anthropic_is(tier, "default") || anthropic_is(tier, "standard_only"))
        put_word(b, "service_tier", "standard_only");
    else if (tier.len > 0)
        anthropic_drop(b, LOSS_TIER);
}

static void write_thinking(struct request_writer *b)
{
    const struct plan *p = &b->plan;
    bool formatted = p->structured_output != NULL && p->output_native;

    if (p->thinking != NULL) {
        put_object(b, "thinking");
        put_word(b, "type", p->thinking);
        if (!strcmp(p->thinking, "enabled")) {
            put_key(b, "budget_tokens");
            b->h->write->integer(b->w, p->budget);
        }
        if (!strcmp(p->thinking, "adaptive")) /* newer models return no thoughts otherwise */
            put_word(b, "display", "summarized");
        put_close(b);
    }
    if (p->effort == NULL && !formatted)
        return;
    put_object(b, "output_config");
    if (p->effort != NULL)
        put_word(b, "effort", p->effort);
    if (formatted) {
        put_object(b, "format");
        put_word(b, "type", "json_schema");
        put_key(b, "schema");
        anthropic_write_schema(b, p->structured_output, true);
        put_close(b);
    }
    put_close(b);
}

void anthropic_write(struct request_writer *b)
{
    const gw_json *marker = get(b->h, b->body, "cache_control");
    bool counts = b->req->operation == GW_OP_COUNT_TOKENS;

    refuse_others(b);
    if (b->status != GW_OK)
        return;
    drop_others(b);
    anthropic_tell_unread(b);
    b->h->write->object(b->w);
    put_str(b, "model", b->req->model);
    if (!counts) {
        put_key(b, "max_tokens");
        b->h->write->integer(b->w, b->plan.max_tokens);
    }
    if (is_type(b->h, marker, GW_JSON_OBJECT))
        put_copy(b, "cache_control", marker);
    anthropic_write_tools(b);
    anthropic_write_turns(b);
    write_thinking(b);
    if (!counts) {
        write_sampling(b);
        write_stop(b);
        write_user_id(b);
        write_tier(b);
        gw_str container = anthropic_container(b);
        if (container.len > 0)
            put_str(b, "container", container);
        if (b->req->stream) {
            put_key(b, "stream");
            b->h->write->boolean(b->w, 1);
        }
    }
    put_close(b);
}
