/* hints.c - words that people try, from other languages, other gateways and Lua itself, and what is meant here. */
#include <string.h>

#include "script/api.h"

static const struct {
    const char *of, *name, *right;
} hints[] = {
    { "gw", "allow", "return nothing" },
    { "gw", "pass", "return nothing" },
    { "gw", "block", "gw.deny(status, code, text)" },
    { "gw", "reject", "gw.deny(status, code, text)" },
    { "gw", "refuse", "gw.deny(status, code, text)" },
    { "gw", "abort", "gw.deny(status, code, text)" },
    { "gw", "error", "gw.deny(status, code, text), or gw.log.error(text)" },
    { "gw", "reply", "gw.answer(text)" },
    { "gw", "respond", "gw.answer(text)" },
    { "gw", "redirect", "gw.route(model)" },
    { "gw", "forward", "gw.route(model)" },
    { "gw", "tag", "req:tag(name, value)" },
    { "gw", "now", "gw.time.now()" },
    { "gw", "budget", "gw.spend { team = req.team, per = \"day\" }" },
    { "gw", "hash", "gw.text.digest(text)" },
    { "gw", "random", "gw.bucket(text)" },
    { "gw.text", "startswith", "gw.text.starts(text, start)" },
    { "gw.text", "endswith", "gw.text.ends(text, end)" },
    { "gw.text", "match", "gw.text.like(text, \"a*\")" },
    { "gw.text", "hash", "gw.text.digest(text)" },
    { "a regex", "match", ":find(text)" },
    { "a regex", "test", ":find(text)" },
    { "a regex", "exec", ":find(text)" },
    { "a regex", "replace", ":gsub(text, with)" },
    { "a regex", "sub", ":gsub(text, with)" },
    { "gw", "re", "gw.regex(pattern)" },
    { "gw", "regexp", "gw.regex(pattern)" },
    { "gw.counter", "inc", "gw.counter.add(name, 1, options)" },
    { "gw.counter", "incr", "gw.counter.add(name, 1, options)" },
    { "gw.cache", "put", "gw.cache.set(key, value, options)" },
    { "gw.cache", "delete", "gw.cache.del(key)" },
    { "gw.json", "parse", "gw.json.decode(text)" },
    { "gw.json", "stringify", "gw.json.encode(value)" },
    { "req", "text", "req.last_user, or req:texts()" },
    { "req", "prompt", "req.last_user" },
    { "req", "content", "req.last_user, or req:texts()" },
    { "req", "input", "req.last_user, or req:texts()" },
    { "req", "system", "req.system_text" },
    { "req", "ip", "req.address" },
    { "req", "header", "req.headers[name]" },
    { "req", "api_key", "req.key, the key's name" },
    { "req", "tokens", "req.estimated_input_tokens" },
    { "req", "input_tokens", "req.estimated_input_tokens" },
    { "req", "provider", "on_route(req, targets), where each target has a provider" },
    { "req", "max_tokens", "req:get(\"max_tokens\")" },
    { "req", "temperature", "req:get(\"temperature\")" },
    { "req", "top_p", "req:get(\"top_p\")" },
    { "math", "random", "gw.bucket(text): from 0 to below 100, the same on every gateway" },
    { "math", "randomseed", "gw.bucket(text): from 0 to below 100, the same on every gateway" },
    { "math", "pow", "x ^ y" },
    { "string", "trim", "text:match(\"^%s*(.-)%s*$\")" },
    { "string", "split", "text:gmatch(\"[^,]+\")" },
    { "string", "contains", "gw.text.contains(text, part)" },
    { "string", "startswith", "gw.text.starts(text, start)" },
    { "table", "getn", "#list" },
    { "table", "contains", "a table of names, { [name] = true }" },
    { "the policy's globals", "os", "gw.time.now(), gw.time.day(), gw.time.at(zone)" },
    { "the policy's globals", "io", "gw.log.info(text), and args in gateway.lua for values" },
    { "the policy's globals", "json", "gw.json.decode(text)" },
    { "the policy's globals", "cjson", "gw.json.decode(text)" },
    { "the policy's globals", "ngx", "gw" },
    { "the policy's globals", "kong", "gw" },
    { "the policy's globals", "request", "req, the first argument of a hook" },
    { "the policy's globals", "unpack", "table.unpack(list)" },
    { "the policy's globals", "loadstring", "a function in this file: policies load no text" },
    { "the policy's globals", "load", "a function in this file: policies load no text" },
    { "the policy's globals", "xpcall", "pcall" },
    { "the policy's globals", "null", "nil, or gw.json.null" },
    { "the policy's globals", "None", "nil" },
    { "the policy's globals", "True", "true" },
    { "the policy's globals", "False", "false" },
};

const char *hint_of(const char *of, struct text name)
{
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strcmp(hints[i].of, of) == 0 && text_is(name, hints[i].name))
            return hints[i].right;
    return NULL;
}
