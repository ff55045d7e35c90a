/* import_yaml.c - libyaml's tree of a document, written as JSON. */
#include "cli/import_yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/json.h"

enum { DEPTH_MOST = 32, NODES_MOST = 200000 };

struct tree {
    yaml_document_t *document;
    struct json_writer w;
    unsigned nodes; /* written: an alias of an alias of an alias grows without end */
};

static bool is_one_of(struct text t, const char *const *words)
{
    for (; *words != NULL; words++)
        if (text_is(t, *words))
            return true;
    return false;
}

/* A number as JSON writes it too: digits, a point, an exponent; no leading zeros. */
static bool is_number(struct text t)
{
    char copy[64], *end;
    if (t.len == 0 || t.len >= sizeof copy || strchr("-0123456789", t.ptr[0]) == NULL)
        return false;
    memcpy(copy, t.ptr, t.len);
    copy[t.len] = '\0';
    if (strspn(copy, "+-.0123456789eE") != t.len)
        return false;
    strtod(copy, &end);
    return *end == '\0';
}

static void put_number(struct json_writer *w, struct text t)
{
    char copy[64];
    int64_t whole;
    memcpy(copy, t.ptr, t.len);
    copy[t.len] = '\0';
    struct text digits = t.ptr[0] == '-' ? (struct text){ t.ptr + 1, t.len - 1 } : t;
    if (text_parse_u63(digits, &whole) == 0)
        json_put_int(w, t.ptr[0] == '-' ? -whole : whole);
    else
        json_put_real(w, strtod(copy, NULL));
}

static void put_scalar(struct tree *tree, const yaml_node_t *node)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
    static const char *const yes[] = { "true", "True", "TRUE", NULL };
    static const char *const no[] = { "false", "False", "FALSE", NULL };
    struct text t = { (const char *)node->data.scalar.value, node->data.scalar.length };
    bool plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && is_one_of(t, nulls))
        json_put_null(&tree->w);
    else if (plain && (is_one_of(t, yes) || is_one_of(t, no)))
        json_put_bool(&tree->w, is_one_of(t, yes));
    else if (plain && is_number(t))
        put_number(&tree->w, t);
    else
        json_put_str(&tree->w, t);
}

static bool put_node(struct tree *tree, int index, unsigned depth);

static struct text scalar_of(const yaml_node_t *node)
{
    return (struct text){ (const char *)node->data.scalar.value, node->data.scalar.length };
}

static bool put_mapping(struct tree *tree, const yaml_node_t *node, unsigned depth)
{
    json_object(&tree->w);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(tree->document, pair->key);
        if (key == NULL || key->type != YAML_SCALAR_NODE || text_is(scalar_of(key), "<<"))
            return false;
        json_key(&tree->w, scalar_of(key));
        if (!put_node(tree, pair->value, depth + 1))
            return false;
    }
    json_close(&tree->w);
    return true;
}

static bool put_node(struct tree *tree, int index, unsigned depth)
{
    const yaml_node_t *node = yaml_document_get_node(tree->document, index);
    if (node == NULL || depth > DEPTH_MOST || ++tree->nodes > NODES_MOST)
        return false;
    if (node->type == YAML_SCALAR_NODE)
        put_scalar(tree, node);
    else if (node->type == YAML_MAPPING_NODE)
        return put_mapping(tree, node, depth);
    else {
        json_array(&tree->w);
        for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++)
            if (!put_node(tree, *item, depth + 1))
                return false;
        json_close(&tree->w);
    }
    return true;
}

static int write_tree(yaml_document_t *document, struct buf *json, struct fail *fail)
{
    struct tree tree = { .document = document };
    const yaml_node_t *root = yaml_document_get_root_node(document);
    json_writer_init(&tree.w, json);
    if (root == NULL)
        return fail_set(fail, FAIL_OPERATOR, "the file is empty");
    if (!put_node(&tree, 1, 0))
        return fail_set(
            fail, FAIL_OPERATOR,
            "the file is nested too deeply, has too many values, a merge (\"<<\"), or a member whose name is no text");
    return json_end(&tree.w) == 0 ? 0 : fail_set(fail, FAIL_OPERATOR, "the file is too large");
}

int import_yaml_read(struct text yaml, struct buf *json, struct fail *fail)
{
    yaml_parser_t parser;
    yaml_document_t document;
    if (yaml_parser_initialize(&parser) == 0)
        return fail_set(fail, FAIL_OPERATOR, "there is no memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.ptr, yaml.len);
    int result;
    if (yaml_parser_load(&parser, &document) == 0) {
        result = fail_set(fail, FAIL_OPERATOR, "line %zu: it is no YAML: %s", parser.problem_mark.line + 1,
                          parser.problem != NULL ? parser.problem : "it cannot be read");
    } else {
        result = write_tree(&document, json, fail);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return result;
}
