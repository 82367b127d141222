// A small database for the tests of plans and executions: store, catalog and binder, tables from short descriptions,
// and statements from SQL text, run as atoms on the trunk.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sql/bind.h"
#include "sql/execute.h"
#include "sql/plan.h"
#include "sql/system.h"
#include "table/write.h"

struct database {
  struct memory_account account; // of the store and catalog
  struct memory_account run;     // of executions
  struct store *store;
  struct catalog *catalog;
  struct change_list changes;
  struct arena arena, statement;
  struct evaluation evaluation;
  struct settings settings;
  struct error error;
  struct writer writer;
  struct execution_input input;
  uint64_t position;
};

static inline int database_compile(void *context, const struct compile_input *given, struct expression_text *compiled,
                                   struct error *error)
{
  struct database *database = context;
  struct bind_input input = {.catalog = database->catalog,
                             .version = given->version,
                             .settings = &database->settings,
                             .arena = given->arena};
  return bind_compile(&input, given->relation, given->text, given->want, compiled, error);
}

static inline void database_open(struct database *database)
{
  memset(database, 0, sizeof *database);
  database->store = store_open(&database->account);
  database->catalog =
      catalog_open(&database->account, &(struct catalog_hooks){.context = database, .compile = database_compile});
  change_list_init(&database->changes);
  arena_init(&database->arena, NULL);
  arena_init(&database->statement, NULL);
  database->evaluation.settings = &format_settings_default;
  database->settings.role = ROLE_OWNER;
  database->settings.format = format_settings_default;
  database->settings.search_path[0] = SCHEMA_PG_CATALOG;
  database->settings.search_path[1] = SCHEMA_PUBLIC;
  database->settings.search_path_count = 2;
  database->position = 1;
  database->writer = (struct writer){.version = store_trunk(database->store),
                                     .changes = &database->changes,
                                     .catalog = database->catalog,
                                     .position = 1,
                                     .arena = &database->arena,
                                     .evaluation = &database->evaluation,
                                     .error = &database->error};
  assert_int_equal(catalog_bootstrap(database->catalog, &database->writer, &database->error), 0);
  database->input = (struct execution_input){.version = database->writer.version, .settings = &format_settings_default};
}

// The changes since the last commit stay.
static inline void database_commit(struct database *database)
{
  change_finish(&database->changes, database->writer.version);
  arena_reset(&database->arena);
  database->writer.committed = database->position++;
  database->writer.position = database->position;
}

static inline void database_close(struct database *database)
{
  change_list_deinit(&database->changes);
  arena_deinit(&database->arena);
  arena_deinit(&database->statement);
  catalog_close(database->catalog);
  while (store_collect(database->store, 1000))
    ;
  store_close(database->store);
  assert_int_equal(database->account.used, 0);
  assert_int_equal(database->run.used, 0);
}

static inline int column_named(const struct column *columns, int count, const char *name)
{
  for (int i = 0; i < count; i++)
    if (!strcmp(columns[i].name, name))
      return i;
  fail_msg("no column %s", name);
  return -1;
}

// "a", "a desc, b": parts of a key.
static inline struct key_part *database_parts(struct arena *arena, char *text, const struct column *columns,
                                              int column_count, int *part_count)
{
  struct key_part *parts = ARENA_ARRAY(arena, struct key_part, 8);
  char *rest;
  *part_count = 0;
  for (char *part = strtok_r(text, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
    char name[64], direction[8] = "";
    assert_true(sscanf(part, "%63s %7s", name, direction) >= 1);
    bool descending = !strcmp(direction, "desc");
    parts[(*part_count)++] = (struct key_part){.column = (uint16_t)column_named(columns, column_count, name),
                                               .descending = descending,
                                               .nulls_first = descending};
  }
  return parts;
}

// "t: a int4, b text: a: b desc, a: unique b": name, columns (a ! behind the type: not null), primary key (may
// be empty), indexes.
static inline const struct relation *database_table(struct database *database, const char *description)
{
  struct arena *arena = &database->arena;
  char *text = arena_string(arena, description), *rest, *fields[16] = {0};
  int field_count = 0;
  for (char *colon; field_count < 16; text = colon + 1) {
    colon = strchr(text, ':');
    fields[field_count++] = text;
    if (!colon)
      break;
    *colon = 0;
  }
  struct relation *relation = ARENA_NEW(arena, struct relation);
  struct column *columns = ARENA_ARRAY(arena, struct column, 32);
  relation->schema_oid = SCHEMA_PUBLIC;
  relation->kind = RELATION_TABLE;
  relation->owner = ROLE_OWNER;
  strcpy(relation->name, fields[0]);
  relation->schema.columns = columns;
  for (char *column = strtok_r(fields[1], ",", &rest); column; column = strtok_r(NULL, ",", &rest)) {
    char type[64];
    struct column *made = &columns[relation->schema.column_count++];
    assert_int_equal(sscanf(column, "%63s %63s", made->name, type), 2);
    made->not_null = strchr(type, '!') != NULL;
    type[strcspn(type, "!")] = 0;
    made->type = type_plain(type_of_name(type));
    assert_int_not_equal(made->type.id, TYPE_COUNT);
  }
  relation->defaults = ARENA_ARRAY(arena, struct expression_text, 32);
  relation->indexes = ARENA_ARRAY(arena, struct index, 16);
  relation->key = database_parts(arena, fields[2], columns, relation->schema.column_count, &relation->key_count);
  if (relation->key_count) {
    struct index *primary = &relation->indexes[relation->index_count++];
    *primary = (struct index){.is_unique = true,
                              .is_primary = true,
                              .is_constraint = true,
                              .part_count = relation->key_count,
                              .parts = relation->key};
    snprintf(primary->name, sizeof primary->name, "%.50s_pkey", relation->name);
    for (int i = 0; i < relation->key_count; i++)
      columns[relation->key[i].column].not_null = true;
  }
  for (int i = 3; i < field_count; i++) {
    struct index *index = &relation->indexes[relation->index_count++];
    char *parts = fields[i] + strspn(fields[i], " ");
    bool is_unique = !strncmp(parts, "unique ", 7);
    *index = (struct index){.is_unique = is_unique, .is_constraint = is_unique};
    snprintf(index->name, sizeof index->name, "%.50s_%d", relation->name, i - 2);
    index->parts =
        database_parts(arena, parts + (is_unique ? 7 : 0), columns, relation->schema.column_count, &index->part_count);
  }
  if (catalog_create(database->catalog, &database->writer, relation, &database->error))
    fail_msg("%s: %s", description, database->error.message);
  uint32_t oid = relation->oid;
  database_commit(database);
  return catalog_find_oid(database->catalog, database->writer.version, oid);
}

// --- Statements ------------------------------------------------------------------------------------------

struct prepared_text {
  struct parse *parse;
  struct statement *statement;
  struct plan *plan;
};

static inline int database_prepare(struct database *database, const char *sql, const struct type *parameters,
                                   int parameter_count, struct prepared_text *prepared)
{
  *prepared = (struct prepared_text){0};
  struct bytes text = bytes_of_string(sql);
  prepared->parse = parse_open(text, &database->error);
  if (!prepared->parse)
    return database->error.status;
  struct bind_input bind = {.catalog = database->catalog,
                            .version = database->writer.version,
                            .settings = &database->settings,
                            .parsed = &prepared->parse->statements[0],
                            .text = text,
                            .parameters = parameters,
                            .parameter_count = parameter_count,
                            .arena = &database->statement};
  int status = bind_statement(&bind, &prepared->statement, &database->error);
  if (status)
    return status;
  struct plan_input plan = {
      .statement = prepared->statement, .version = database->writer.version, .arena = &database->statement};
  return plan_statement(&plan, &prepared->plan, &database->error);
}

static inline void database_release(struct database *database, struct prepared_text *prepared)
{
  if (prepared->statement)
    statement_release(prepared->statement);
  if (prepared->parse)
    parse_close(prepared->parse);
  arena_reset(&database->statement);
}

static inline void append_row(const struct statement *statement, const struct value *row, struct buffer *out)
{
  if (out->size)
    buffer_append_string(out, "; ");
  for (int i = 0; i < statement->column_count; i++) {
    if (i)
      buffer_append_u8(out, '|');
    if (row[i].is_null)
      buffer_append_u8(out, '-');
    else
      value_to_text(statement->columns[i].expression->type.id, &row[i], &format_settings_default, out);
  }
}

static inline bool is_explain(const char *sql)
{
  return !strncmp(sql, "EXPLAIN ", 8);
}

// Runs an execution to its end and appends its rows, "; " between rows and "|" between columns.
static inline int database_pull(struct database *database, struct execution *execution,
                                const struct statement *statement, struct buffer *out)
{
  const struct value *row;
  int status = execution_start(execution, &database->input, &database->error);
  while (!status && (status = execution_next(execution, &row, &database->error)) == 1) {
    append_row(statement, row, out);
    status = 0;
  }
  return status;
}

static inline int database_explain(struct database *database, const struct plan *plan, struct buffer *out)
{
  const char **lines;
  int count;
  struct explain_options options = {.costs = false};
  int status = plan_explain(plan, &options, NULL, NULL, &database->statement, &lines, &count, &database->error);
  for (int i = 0; !status && i < count; i++) {
    buffer_append_string(out, i ? "\n" : "");
    buffer_append_string(out, lines[i]);
  }
  return status;
}

// The rows as text; of a change without rows "N changed"; of a failure "ERROR sqlstate message"; of EXPLAIN its lines.
static inline int database_run(struct database *database, const char *sql, struct buffer *out)
{
  struct prepared_text prepared;
  struct execution *execution = NULL;
  size_t mark = change_mark(&database->changes);
  bool explain = is_explain(sql);
  buffer_clear(out);
  error_clear(&database->error);
  int status = database_prepare(database, sql + (explain ? 8 : 0), NULL, 0, &prepared);
  if (!status && explain)
    status = database_explain(database, prepared.plan, out);
  else if (!status) {
    execution = execution_open(prepared.plan, &database->run);
    status = execution ? 0 : error_memory(&database->error);
    database->input.writer = prepared.statement->kind == STATEMENT_SELECT ? NULL : &database->writer;
    if (!status)
      status = database_pull(database, execution, prepared.statement, out);
    if (!status && !prepared.statement->column_count)
      buffer_format(out, "%llu changed", (unsigned long long)execution_row_count(execution));
    execution_close(execution);
  }
  database_release(database, &prepared);
  if (status) {
    struct error undone;
    assert_int_equal(
        change_undo(&database->changes, mark, database->writer.version, database->writer.committed, &undone), 0);
    buffer_clear(out);
    buffer_format(out, "ERROR %s %s", database->error.sqlstate, database->error.message);
  }
  buffer_append_u8(out, 0);
  out->size--;
  return status;
}

static inline void database_check(struct database *database, const char *sql, const char *expected)
{
  struct buffer out = {0};
  database_run(database, sql, &out);
  if (strcmp((char *)out.data, expected))
    fail_msg("%s\n  gives    %s\n  expected %s", sql, (char *)out.data, expected);
  buffer_deinit(&out);
}

static inline void database_must(struct database *database, const char *format, ...)
{
  char sql[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sql, sizeof sql, format, arguments);
  va_end(arguments);
  struct buffer out = {0};
  if (database_run(database, sql, &out))
    fail_msg("%s\n  gives %s", sql, (char *)out.data);
  buffer_deinit(&out);
}

static inline uint64_t next_random(uint64_t *seed)
{
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return *seed >> 33;
}

static inline int below(uint64_t *seed, int bound)
{
  return (int)(next_random(seed) % (uint64_t)bound);
}
