/* openapi.c - GET /openapi.json: the table of routes as an OpenAPI 3.1 document. */
#include "admin/call.h"

static void put_text(struct json_writer *w, const char *name, const char *value)
{
    json_key_plain(w, text_of(name));
    json_put_str(w, text_of(value));
}

static void put_content(struct json_writer *w, const char *schema)
{
    json_name(w, "content");
    json_object(w);
    json_key(w, TEXT("application/json"));
    json_object(w);
    json_name(w, "schema");
    json_put_raw(w, text_of(schema));
    json_close(w);
    json_close(w);
}

static void put_parameter(struct json_writer *w, struct text name, const char *in)
{
    json_object(w);
    json_name(w, "name");
    json_put_str(w, name);
    put_text(w, "in", in);
    json_name(w, "required");
    json_put_bool(w, in[0] == 'p');
    json_name(w, "schema");
    json_put_raw(w, TEXT("{\"type\":\"string\"}"));
    json_close(w);
}

static void put_parameters(struct json_writer *w, const struct admin_route *r)
{
    struct text path = text_of(r->path), query = text_of(r->query);
    json_name(w, "parameters");
    json_array(w);
    while (path.len > 0) {
        struct text part = text_cut(&path, '/');
        if (part.len > 2 && part.ptr[0] == '{')
            put_parameter(w, (struct text){ part.ptr + 1, part.len - 2 }, "path");
    }
    while (query.len > 0)
        put_parameter(w, text_cut(&query, ' '), "query");
    json_close(w);
}

static void put_response(struct json_writer *w, int status, const char *description, const char *schema)
{
    char number[12];
    snprintf(number, sizeof number, "%d", status);
    json_key(w, text_of(number));
    json_object(w);
    put_text(w, "description", description);
    put_content(w, schema);
    json_close(w);
}

static void put_responses(struct json_writer *w, const struct admin_route *r)
{
    static const char error[] =
        "{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{\"error\":{\"type\":\"object\",\"required\":[\"code\","
        "\"message\"],\"properties\":{\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},\"param\":{\"type\":"
        "\"string\"}}}}}";
    json_name(w, "responses");
    json_object(w);
    put_response(w, r->good != 0 ? r->good : 200, "It is done.", r->answer);
    put_response(w, 401, "No credential, or one that is not known.", error);
    put_response(w, 403, "The credential's role may not.", error);
    if (strchr(r->path, '{') != NULL)
        put_response(w, 404, "There is none of that name, or it is not the caller's team's.", error);
    if (r->body != NULL || r->query != NULL)
        put_response(w, 400, "What was sent is wrong; the message has what to change.", error);
    json_close(w);
}

static void put_route(struct json_writer *w, const struct admin_route *r)
{
    char method[8] = "";
    for (size_t i = 0; r->method[i] != '\0' && i + 1 < sizeof method; i++)
        method[i] = (char)(r->method[i] | 0x20);
    json_key_plain(w, text_of(method));
    json_object(w);
    put_text(w, "summary", r->summary);
    json_name(w, "x-gw-roles");
    json_array(w);
    for (unsigned role = 1; role <= ROLE_OWNER; role <<= 1)
        if ((r->roles & role) != 0)
            json_put_str(w, text_of(role_name((enum role)role)));
    json_close(w);
    put_parameters(w, r);
    if (r->body != NULL) {
        json_name(w, "requestBody");
        json_object(w);
        put_content(w, r->body);
        json_close(w);
    }
    put_responses(w, r);
    json_close(w);
}

static bool is_first(size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(admin_routes[i].path, admin_routes[at].path) == 0)
            return false;
    return true;
}

int admin_openapi(struct admin_call *call)
{
    struct json_writer *w = &call->w;
    json_object(w);
    put_text(w, "openapi", "3.1.0");
    json_name(w, "info");
    json_object(w);
    put_text(w, "title", "LLM Gateway: admin API");
    put_text(w, "version", "v1");
    json_close(w);
    json_name(w, "components");
    json_put_raw(w, TEXT("{\"securitySchemes\":{\"credential\":{\"type\":\"http\",\"scheme\":\"bearer\"}}}"));
    json_name(w, "security");
    json_put_raw(w, TEXT("[{\"credential\":[]}]"));
    json_name(w, "paths");
    json_object(w);
    for (size_t i = 0; i < admin_route_count; i++) {
        if (!is_first(i))
            continue;
        json_key(w, text_of(admin_routes[i].path));
        json_object(w);
        for (size_t k = i; k < admin_route_count; k++)
            if (strcmp(admin_routes[k].path, admin_routes[i].path) == 0)
                put_route(w, &admin_routes[k]);
        json_close(w);
    }
    json_close(w);
    json_close(w);
    return 0;
}
