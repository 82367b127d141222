// From text to parse trees: the pre-scan, PostgreSQL's parser, and its errors in our words.
//
// All memory of a parse but its tree is in its arena; both are freed by parse_close. What the tree takes, and the parser
// on the way to it, cannot be counted as it is taken: it is reckoned from the number of tokens.
#include "sql/parse.h"

#include <pg_query.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/utf8.h"
#include "sql/prescan.h"
#include "sql/scan.h"

enum { BYTES_A_TOKEN = 512 }; // of the parser and its tree; seen: up to 480

struct parse_whole {
  struct parse parse; // first: a struct parse * is one of these
  struct memory_account *account;
  size_t charged;
  struct arena arena;
  struct prescan prescan;
};

int32_t parse_position(struct bytes text, int32_t offset)
{
  if (offset < 0)
    return 0;
  size_t size = (size_t)offset < text.size ? (size_t)offset : text.size;
  int32_t characters = 0;
  for (size_t i = 0; i < size; i++)
    characters += (text.data[i] & 0xc0) != 0x80;
  return characters + 1;
}

// --- Errors ----------------------------------------------------------------------------------------

static const char *sqlstate_of(const char *message)
{
  static const char *const unsupported[] = {"not supported", "not implemented", "not yet implemented",
                                            "is only supported for ON DELETE", NULL};
  for (const char *const *text = unsupported; *text; text++)
    if (strstr(message, *text))
      return SQLSTATE_FEATURE_NOT_SUPPORTED;
  if (strcmp(message, "invalid Unicode escape") == 0)
    return SQLSTATE_INVALID_ESCAPE_SEQUENCE;
  if (strncmp(message, "role name ", 10) == 0 || strstr(message, "cannot be used as a role name here"))
    return SQLSTATE_RESERVED_NAME;
  if (strncmp(message, "frame ", 6) == 0)
    return SQLSTATE_WINDOWING_ERROR;
  return strcmp(message, "out of memory") == 0 ? SQLSTATE_OUT_OF_MEMORY : SQLSTATE_SYNTAX_ERROR;
}

// Where the parser stumbled, as an offset in its text; -1: it did not say.
static ptrdiff_t error_offset(const struct prescan *prescan, int cursor)
{
  if (cursor <= 0)
    return -1;
  const struct buffer *text = &prescan->text;
  int character = 0;
  for (size_t at = 0; at < text->size; at++) {
    character += (text->data[at] & 0xc0) != 0x80;
    if (character == cursor)
      return (ptrdiff_t)at;
  }
  return (ptrdiff_t)text->size - 1;
}

// The parser met something that only stands in its own text: say what stands there in the user's.
static bool is_inserted(const struct prescan *prescan, size_t offset)
{
  for (int i = 0; i < prescan->insertion_count; i++)
    if (offset >= prescan->insertions[i].at && offset < prescan->insertions[i].at + prescan->insertions[i].size)
      return true;
  return false;
}

// The hints that the grammar gives do not come through: these are the ones that it has for messages of its own.
static void add_hint(const char *message, struct error *error)
{
  if (strcmp(message, "subquery in FROM must have an alias") == 0)
    error_hint(error, "For example, FROM (SELECT ...) [AS] foo.");
  else if (strcmp(message, "VALUES in FROM must have an alias") == 0)
    error_hint(error, "For example, FROM (VALUES ...) [AS] foo.");
  else if (strcmp(message, "invalid Unicode escape") == 0)
    error_hint(error, "Unicode escapes must be \\uXXXX or \\UXXXXXXXX.");
}

static void set_parse_error(const struct parse_whole *whole, const PgQueryError *from, struct error *error)
{
  ptrdiff_t offset = error_offset(&whole->prescan, from->cursorpos);
  (void)!error_set(error, sqlstate_of(from->message), "%s", from->message);
  add_hint(from->message, error);
  if (offset < 0)
    return;
  struct bytes text = whole->parse.text;
  size_t original = prescan_offset(&whole->prescan, (size_t)offset);
  if (is_inserted(&whole->prescan, (size_t)offset)) {
    struct scan scan = {.text = text.data, .size = text.size, .at = original};
    if (scan_next(&scan) == SCAN_END)
      (void)!error_set(error, SQLSTATE_SYNTAX_ERROR, "syntax error at end of input");
    else
      (void)!error_set(error, SQLSTATE_SYNTAX_ERROR, "syntax error at or near \"%.*s\"", (int)scan_size(&scan),
                       (const char *)text.data + scan.start);
    original = scan.start;
  }
  error_position(error, parse_position(text, (int32_t)original));
}

// --- Walking ---------------------------------------------------------------------------------------

void parse_walk(ProtobufCMessage *message, void (*visit)(ProtobufCMessage *message, void *context), void *context)
{
  visit(message, context);
  const ProtobufCMessageDescriptor *descriptor = message->descriptor;
  for (unsigned i = 0; i < descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
    char *base = (char *)message, *at = base + field->offset;
    if (field->type != PROTOBUF_C_TYPE_MESSAGE)
      continue;
    bool is_other = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
                    *(uint32_t *)(void *)(base + field->quantifier_offset) != field->id;
    bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
    size_t count = is_list ? *(size_t *)(void *)(base + field->quantifier_offset) : 1;
    ProtobufCMessage **items = is_list ? *(ProtobufCMessage ***)(void *)at : (ProtobufCMessage **)(void *)at;
    for (size_t j = 0; j < count && !is_other; j++)
      if (items[j])
        parse_walk(items[j], visit, context);
  }
}

// --- Locations -------------------------------------------------------------------------------------

// Takes a location back to the text as it was given.
static void correct_location(ProtobufCMessage *message, void *context)
{
  const struct prescan *prescan = context;
  const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, "location");
  if (!field || field->type != PROTOBUF_C_TYPE_INT32)
    return;
  int32_t *location = (int32_t *)(void *)((char *)message + field->offset);
  if (*location >= 0)
    *location = (int32_t)prescan_offset(prescan, (size_t)*location);
}

// --- Statements ------------------------------------------------------------------------------------

// The next statement of a run of them, between two semicolons that no parenthesis holds. False: none is left.
static bool next_statement(struct scan *scan, struct bytes *statement)
{
  int depth = 0;
  size_t start = SIZE_MAX, end = 0;
  while (scan_next(scan) != SCAN_END) {
    if (scan_is_mark(scan, ';') && depth == 0) {
      if (start != SIZE_MAX)
        break;
      continue;
    }
    depth += scan_is_mark(scan, '(') - scan_is_mark(scan, ')');
    if (start == SIZE_MAX)
      start = scan->start;
    end = scan->at;
  }
  if (start == SIZE_MAX)
    return false;
  *statement = bytes_of(scan->text + start, end - start);
  return true;
}

// BEGIN ATOMIC … END without these three.
static void strip_atomic(struct scan *scan)
{
  struct scan walk = *scan;
  scan_next(&walk);
  if (!scan_is_word(&walk, "begin"))
    return;
  scan_next(&walk);
  scan->at = walk.at;
  while (scan_next(&walk) != SCAN_END)
    scan->size = walk.start;
}

// Matches the trees of a workflow's statements with their texts.
static int set_body(struct parse_whole *whole, struct parsed *parsed, const struct prescan_statement *from,
                    struct error *error)
{
  const PgQuery__Node *body = parsed->node->create_function_stmt->sql_body;
  if (!body || body->node_case != PG_QUERY__NODE__NODE_LIST || body->list->n_items != 1 ||
      body->list->items[0]->node_case != PG_QUERY__NODE__NODE_LIST || body->list->items[0]->list->n_items == 0)
    return error_set(error, SQLSTATE_SYNTAX_ERROR, "a workflow needs at least one statement");
  const PgQuery__List *list = body->list->items[0]->list;
  parsed->body = ARENA_ARRAY(&whole->arena, struct parsed, list->n_items);
  if (!parsed->body)
    return error_memory(error);
  struct bytes text = whole->parse.text;
  struct scan scan = {.text = text.data, .size = from->body_end, .at = from->body_start};
  strip_atomic(&scan);
  struct bytes statement;
  for (size_t i = 0; i < list->n_items; i++) {
    if (!next_statement(&scan, &statement))
      return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "a workflow's statements must be queries or changes");
    parsed->body[parsed->body_count++] = (struct parsed){
        .node = list->items[i],
        .text = statement,
        .start = (int32_t)(statement.data - text.data),
    };
  }
  return 0;
}

// A sink's query with its text.
static int set_query(struct parse_whole *whole, struct parsed *parsed, const struct prescan_statement *from,
                     struct error *error)
{
  parsed->body = ARENA_NEW(&whole->arena, struct parsed);
  if (!parsed->body)
    return error_memory(error);
  parsed->body_count = 1;
  *parsed->body = (struct parsed){
      .node = parsed->node->create_table_as_stmt->query,
      .text = bytes_of(whole->parse.text.data + from->body_start, from->body_end - from->body_start),
      .start = (int32_t)from->body_start,
  };
  return 0;
}

static int set_statements(struct parse_whole *whole, struct error *error)
{
  struct parse *parse = &whole->parse;
  struct prescan *prescan = &whole->prescan;
  if (parse->tree->n_stmts == 0)
    return 0;
  parse->statements = ARENA_ARRAY(&whole->arena, struct parsed, parse->tree->n_stmts);
  if (!parse->statements)
    return error_memory(error);
  int from = 0;
  for (size_t i = 0; i < parse->tree->n_stmts; i++) {
    const PgQuery__RawStmt *raw = parse->tree->stmts[i];
    size_t start = prescan_offset(prescan, (size_t)raw->stmt_location);
    while (from < prescan->statement_count - 1 && prescan->statements[from].end <= start)
      from++;
    const struct prescan_statement *statement = &prescan->statements[from];
    struct parsed *parsed = &parse->statements[parse->statement_count++];
    *parsed = (struct parsed){
        .node = raw->stmt,
        .form = statement->form,
        .or_replace = statement->or_replace,
        .text = bytes_of(parse->text.data + statement->start, statement->end - statement->start),
        .start = (int32_t)statement->start,
    };
    if (statement->has_body && raw->stmt->node_case == PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT) {
      int status = set_body(whole, parsed, statement, error);
      if (status)
        return status;
    }
    if (statement->has_body && raw->stmt->node_case == PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT) {
      int status = set_query(whole, parsed, statement, error);
      if (status)
        return status;
    }
  }
  return 0;
}

static int unpack(struct parse_whole *whole, const PgQueryProtobufParseResult *result, struct error *error)
{
  if (result->error) {
    set_parse_error(whole, result->error, error);
    return STATUS_INPUT;
  }
  whole->parse.tree =
      pg_query__parse_result__unpack(NULL, result->parse_tree.len, (const uint8_t *)result->parse_tree.data);
  if (!whole->parse.tree)
    return error_memory(error);
  if (whole->prescan.insertion_count)
    parse_walk(&whole->parse.tree->base, correct_location, &whole->prescan);
  return set_statements(whole, error);
}

static int parse_text(struct parse_whole *whole, struct bytes text, struct error *error)
{
  if (text.size > LIMIT_MESSAGE)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the statement has more than %d bytes", LIMIT_MESSAGE);
  int status = utf8_check(text, error);
  if (status)
    return status;
  uint8_t *copy = arena_copy(&whole->arena, text.data, text.size);
  if (!copy)
    return error_memory(error);
  whole->parse.text = bytes_of(copy, text.size);
  whole->prescan.arena = &whole->arena;
  whole->prescan.text.account = whole->account;
  status = prescan_run(&whole->prescan, whole->parse.text, error);
  if (status)
    return status;
  whole->charged = whole->prescan.token_count * BYTES_A_TOKEN;
  if (!account_charge(whole->account, whole->charged)) {
    whole->charged = 0;
    return error_memory(error);
  }
  PgQueryProtobufParseResult result = pg_query_parse_protobuf((const char *)whole->prescan.text.data);
  status = unpack(whole, &result, error);
  pg_query_free_protobuf_parse_result(result);
  prescan_deinit(&whole->prescan);
  return status;
}

struct parse *parse_open(struct bytes text, struct error *error)
{
  return parse_open_within(text, NULL, error);
}

struct parse *parse_open_within(struct bytes text, struct memory_account *account, struct error *error)
{
  struct parse_whole *whole = calloc(1, sizeof *whole);
  if (!whole) {
    (void)!error_memory(error);
    return NULL;
  }
  whole->account = account;
  arena_init(&whole->arena, account);
  if (parse_text(whole, text, error) == 0)
    return &whole->parse;
  parse_close(&whole->parse);
  return NULL;
}

void parse_close(struct parse *parse)
{
  if (!parse)
    return;
  struct parse_whole *whole = (struct parse_whole *)(void *)parse;
  if (parse->tree)
    pg_query__parse_result__free_unpacked(parse->tree, NULL);
  prescan_deinit(&whole->prescan);
  arena_deinit(&whole->arena);
  account_release(whole->account, whole->charged);
  free(whole);
}

PgQuery__Node *parse_string_node(const char *text)
{
  PgQuery__Node *node = malloc(sizeof *node);
  PgQuery__String *string = malloc(sizeof *string);
  char *copy = strdup(text);
  if (!node || !string || !copy) {
    free(node);
    free(string);
    free(copy);
    return NULL;
  }
  *string = (PgQuery__String)PG_QUERY__STRING__INIT;
  string->sval = copy;
  *node = (PgQuery__Node)PG_QUERY__NODE__INIT;
  node->node_case = PG_QUERY__NODE__NODE_STRING;
  node->string = string;
  return node;
}
