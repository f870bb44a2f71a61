/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/yaml/yaml.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/*
 * libyaml's events build the tree; the open lists and maps are a stack.  In a map events
 * come in turns: ${key} is NULL when the next one is a key, else the key that waits for its
 * value.
 */
struct builder {
	yaml_parser_t parser;
	struct yaml_document *document;
	const char *text;
	size_t length;
	struct yaml_node *open[YAML_DEPTH_MAX];
	size_t depth;
	struct yaml_node *key[YAML_DEPTH_MAX]; /* of open[i] */
	size_t nodes;
	bool seen_document;
	bool stop; /* what was read so far is of no use */
};

struct yaml_node *yaml_node_new(
	enum yaml_type type, const char *file, unsigned line, unsigned column)
{
	struct yaml_node *node = mem_new(struct yaml_node);

	node->type = type;
	node->file = file;
	node->line = line;
	node->column = column;
	return node;
}

struct yaml_node *yaml_node_free(struct yaml_node *node)
{
	if (!node)
		return NULL;
	for (size_t i = 0; i < node->count; i++)
		yaml_node_free(node->items[i]);
	free(node->items);
	yaml_node_free(node->key);
	free(node->text);
	free(node);
	return NULL;
}

struct yaml_document *yaml_document_free(struct yaml_document *document)
{
	if (!document)
		return NULL;
	yaml_node_free(document->root);
	for (size_t i = 0; i < document->problem_count; i++)
		free(document->problems[i].text);
	free(document->problems);
	free(document->file);
	free(document);
	return NULL;
}

void yaml_node_add(struct yaml_node *parent, struct yaml_node *item)
{
	/* The room is always a power of two, so it is full exactly when the count is one. */
	if ((parent->count & (parent->count - 1)) == 0)
		parent->items = mem_resize(parent->items, MAX(parent->count * 2, (size_t)1),
			sizeof(struct yaml_node *));
	parent->items[parent->count++] = item;
}

struct yaml_node *yaml_find(const struct yaml_node *map, const char *key)
{
	if (!map || map->type != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->items[i]->key->text, key) == 0)
			return map->items[i];
	return NULL;
}

bool yaml_is_null(const struct yaml_node *node)
{
	return node->type == YAML_TEXT && !node->quoted &&
	       (!*node->text || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

static void add_problem(struct builder *b, unsigned line, unsigned column, char *text)
{
	struct yaml_document *document = b->document;

	document->problems = mem_resize(
		document->problems, document->problem_count + 1, sizeof(*document->problems));
	document->problems[document->problem_count++] =
		(struct yaml_problem){ .line = line, .column = column, .text = text };
	if (document->problem_count >= YAML_PROBLEMS_MAX)
		b->stop = true;
}

static void refuse(struct builder *b, const yaml_event_t *event, const char *text)
{
	add_problem(b, (unsigned)event->start_mark.line + 1, (unsigned)event->start_mark.column + 1,
		mem_strdup(text));
}

/* Refuse ${event} and all that would follow: the tree cannot be completed. */
static void refuse_rest(struct builder *b, const yaml_event_t *event, const char *text)
{
	refuse(b, event, text);
	b->stop = true;
}

/* The reader's errors (bad UTF-8, control characters) have an offset in place of a mark. */
static void place_of_offset(
	const struct builder *b, size_t offset, unsigned *line, unsigned *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset && i < b->length; i++) {
		if (b->text[i] == '\n') {
			(*line)++;
			*column = 1;
		} else if (((unsigned char)b->text[i] & 0xc0) != 0x80) {
			(*column)++;
		}
	}
}

static bool is_tab_at(const struct builder *b, const yaml_mark_t *mark)
{
	size_t line = 0, column = 0;

	for (size_t i = 0; i < b->length; i++) {
		if (line == mark->line && column == mark->column)
			return b->text[i] == '\t';
		if (b->text[i] == '\n') {
			line++;
			column = 0;
		} else if (((unsigned char)b->text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return false;
}

/* What most often is behind an error that libyaml cannot know the reason of. */
static const char *hint(const struct builder *b)
{
	const char *context = b->parser.context ? b->parser.context : "";
	const char *problem = b->parser.problem ? b->parser.problem : "";

	if (is_tab_at(b, &b->parser.problem_mark))
		return "; indent with spaces, not with a tab";
	if (strstr(context, "alias") || strstr(context, "anchor"))
		return "; put a text that begins with '*' or '&' in quotes";
	if (strstr(problem, "cannot start any token"))
		return "; put a text that begins with such a character in quotes";
	if (strstr(problem, "mapping values are not allowed"))
		return "; put a text that contains ': ' in quotes, or check the indentation";
	if (strstr(context, "block mapping") || strstr(context, "block collection"))
		return "; check the indentation here and above, and put a text that begins with "
		       "'{', '[' or a quote in quotes as a whole";
	return "; check the quotes, brackets and indentation here and above";
}

static void syntax_problem(struct builder *b)
{
	const yaml_parser_t *parser = &b->parser;
	unsigned line = (unsigned)parser->problem_mark.line + 1;
	unsigned column = (unsigned)parser->problem_mark.column + 1;

	b->stop = true;
	if (parser->error == YAML_MEMORY_ERROR)
		mem_exhausted();
	if (parser->error == YAML_READER_ERROR) {
		place_of_offset(b, parser->problem_offset, &line, &column);
		add_problem(b, line, column,
			mem_printf("not YAML: %s; save the file as UTF-8 text", parser->problem));
		return;
	}
	if (!parser->context)
		add_problem(
			b, line, column, mem_printf("not YAML: %s%s", parser->problem, hint(b)));
	else
		add_problem(b, line, column,
			mem_printf("not YAML: %s, %s that begins at line %zu%s", parser->problem,
				parser->context, parser->context_mark.line + 1, hint(b)));
}

/* A key that a terminal shows as it is, and that is no pasted secret of great length. */
static bool is_showable(const char *key)
{
	size_t length = strlen(key);

	for (size_t i = 0; i < length; i++)
		if (!isprint((unsigned char)key[i]))
			return false;
	return length > 0 && length <= 32;
}

static int compare_items(const void *a, const void *b)
{
	const struct yaml_node *x = *(struct yaml_node *const *)a;
	const struct yaml_node *y = *(struct yaml_node *const *)b;
	int r = strcmp(x->key->text, y->key->text);

	if (r)
		return r;
	if (x->key->line != y->key->line)
		return x->key->line < y->key->line ? -1 : 1;
	return x->key->column < y->key->column ? -1 : 1;
}

static void refuse_repeated(
	struct builder *b, struct yaml_node *item, const struct yaml_node *first)
{
	const char *key = item->key->text;
	bool show = is_showable(key);

	item->type = YAML_REFUSED;
	add_problem(b, item->key->line, item->key->column,
		mem_printf("%s%s%s is set twice, first at line %u; remove one",
			show ? "'" : "this key", show ? key : "", show ? "'" : "",
			first->key->line));
}

/* Sorted, so that a map of many thousand keys costs no quadratic time. */
static void find_repeated(struct builder *b, const struct yaml_node *map)
{
	_cleanup_(freep) struct yaml_node **sorted = NULL;
	size_t first = 0;

	if (map->count < 2)
		return;
	sorted = mem_dup(map->items, map->count * sizeof(*sorted));
	qsort(sorted, map->count, sizeof(*sorted), compare_items);
	for (size_t i = 1; i < map->count && !b->stop; i++) {
		if (strcmp(sorted[i]->key->text, sorted[first]->key->text) == 0)
			refuse_repeated(b, sorted[i], sorted[first]);
		else
			first = i;
	}
}

/* A finished or just opened node finds its place in the tree. */
static void attach(struct builder *b, struct yaml_node *node)
{
	struct yaml_node *parent;

	if (!b->depth) {
		b->document->root = node;
		return;
	}
	parent = b->open[b->depth - 1];
	if (parent->type == YAML_MAP)
		node->key = take(b->key[b->depth - 1]);
	yaml_node_add(parent, node);
}

static bool expects_key(const struct builder *b)
{
	return b->depth && b->open[b->depth - 1]->type == YAML_MAP && !b->key[b->depth - 1];
}

static struct yaml_node *node_of_event(
	struct builder *b, enum yaml_type type, const yaml_event_t *event)
{
	if (++b->nodes > YAML_NODES_MAX)
		refuse_rest(b, event, "more values than fit one file; split it into several");
	return yaml_node_new(type, b->document->file, (unsigned)event->start_mark.line + 1,
		(unsigned)event->start_mark.column + 1);
}

static void refuse_decoration(struct builder *b, const yaml_event_t *event,
	const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		refuse(b, event, "anchors are not supported; write the value wherever you need it");
	if (tag)
		refuse(b, event, "tags are not read; remove the word that begins with '!'");
}

static void on_text(struct builder *b, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	struct yaml_node *node = node_of_event(b, YAML_TEXT, event);

	refuse_decoration(b, event, event->data.scalar.anchor, event->data.scalar.tag);
	node->text = mem_strndup(value, event->data.scalar.length);
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (memchr(value, '\0', event->data.scalar.length)) {
		refuse(b, event, "a NUL character has no place in a value; remove it");
		node->type = expects_key(b) ? YAML_TEXT : YAML_REFUSED;
	}
	if (expects_key(b))
		b->key[b->depth - 1] = node;
	else
		attach(b, node);
}

static void on_alias(struct builder *b, const yaml_event_t *event)
{
	if (expects_key(b)) {
		refuse_rest(
			b, event, "a key must be text; put a text that begins with '*' in quotes");
		return;
	}
	refuse(b, event,
		"aliases are not supported; write the value, or put it in quotes if you mean '*'");
	attach(b, node_of_event(b, YAML_REFUSED, event));
}

static void on_open(struct builder *b, const yaml_event_t *event, enum yaml_type type)
{
	struct yaml_node *node;

	if (expects_key(b)) {
		refuse_rest(b, event,
			"a key must be text; put a text that begins with '{' or '[' in quotes");
		return;
	}
	if (b->depth == YAML_DEPTH_MAX) {
		refuse_rest(b, event, "nested too deep; nothing that is read here goes so deep");
		return;
	}
	node = node_of_event(b, type, event);
	if (type == YAML_LIST)
		refuse_decoration(b, event, event->data.sequence_start.anchor,
			event->data.sequence_start.tag);
	else
		refuse_decoration(
			b, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
	attach(b, node);
	b->open[b->depth] = node;
	b->key[b->depth++] = NULL;
}

static void on_document(struct builder *b, const yaml_event_t *event)
{
	if (b->seen_document)
		refuse_rest(b, event,
			"a second document begins; a file holds one, so remove the '---' or split "
			"it");
	b->seen_document = true;
}

static void on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		on_document(b, event);
		break;
	case YAML_SCALAR_EVENT:
		on_text(b, event);
		break;
	case YAML_ALIAS_EVENT:
		on_alias(b, event);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_open(b, event, YAML_LIST);
		break;
	case YAML_MAPPING_START_EVENT:
		on_open(b, event, YAML_MAP);
		break;
	case YAML_MAPPING_END_EVENT:
		find_repeated(b, b->open[--b->depth]);
		break;
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		break;
	default:
		break;
	}
}

static void read_events(struct builder *b)
{
	bool end = false;

	while (!end && !b->stop) {
		yaml_event_t event;

		if (!yaml_parser_parse(&b->parser, &event)) {
			syntax_problem(b);
			return;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		on_event(b, &event);
		yaml_event_delete(&event);
	}
}

/* YAML 1.2.2 (section 5.2) allows it before the text; libyaml, once told the encoding, counts it as a
 * column. */
static bool has_byte_order_mark(const char *text, size_t length)
{
	return length >= strlen(BYTE_ORDER_MARK) &&
	       memcmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0;
}

struct yaml_document *yaml_parse(const char *file, const char *text, size_t length)
{
	size_t mark = has_byte_order_mark(text, length) ? strlen(BYTE_ORDER_MARK) : 0;
	struct yaml_document *document = mem_new(struct yaml_document);
	struct builder b = { .document = document, .text = text + mark, .length = length - mark };

	document->file = mem_strdup(file);
	if (length > YAML_SIZE_MAX) {
		add_problem(&b, 0, 0, mem_strdup("larger than 1 MiB; split it into several files"));
		return document;
	}
	if (!yaml_parser_initialize(&b.parser))
		mem_exhausted();
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)b.text, b.length);
	read_events(&b);
	yaml_parser_delete(&b.parser);
	for (size_t i = 0; i < YAML_DEPTH_MAX; i++)
		yaml_node_free(b.key[i]);
	if (b.stop)
		document->root = yaml_node_free(document->root);
	else if (document->root && yaml_is_null(document->root))
		document->root = yaml_node_free(document->root);
	return document;
}
