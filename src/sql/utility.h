// Statements that are not queries: definitions (CREATE, DROP, ALTER, TRUNCATE, …), run from their parse trees.
// Transactions, cursors, PREPARE, SET and COPY belong to the session (partition/session.c): they are classified here
// and run there.
#pragma once

#include "sql/execute.h"
#include "sql/parse.h"
#include "sql/plan.h"
#include "sql/settings.h"

enum utility_kind {
  UTILITY_NONE,       // a query: bind it
  UTILITY_DEFINITION, // utility_run does it
  UTILITY_IGNORED,    // VACUUM, ANALYZE, CHECKPOINT-like: accepted, utility_run gives the tag
  UTILITY_TRANSACTION,
  UTILITY_SET,
  UTILITY_SHOW,
  UTILITY_PREPARE,
  UTILITY_EXECUTE,
  UTILITY_DEALLOCATE,
  UTILITY_DECLARE,
  UTILITY_FETCH,
  UTILITY_CLOSE,
  UTILITY_DISCARD,
  UTILITY_LOCK,
  UTILITY_COPY,
  UTILITY_EXPLAIN,
  UTILITY_UNKNOWN, // 0A000
};
enum utility_kind utility_kind(const struct parsed *parsed);
// The error for a statement that Quern does not have: 0A000 with its name, and position.
int utility_unknown(const struct parsed *parsed, struct error *error);
// The command tag of a definition as PostgreSQL gives it: "CREATE TABLE", "DROP SOURCE", …
const char *utility_tag(const struct parsed *parsed);

// What sql/ asks of flow and of the connectors when sources and sinks are defined.
struct utility_hooks {
  void *context;
  // Are the connector's name and its options good for these columns? 22023, 42704 with the option's name.
  int (*check_source)(void *context, const struct relation *source, struct error *error);
  int (*check_sink)(void *context, const struct relation *sink, struct error *error);
};

struct utility_input {
  struct catalog *catalog;
  struct writer *writer;
  const struct settings *settings;
  const struct parsed *parsed;
  struct bytes text; // the whole text, for positions
  const struct utility_hooks *hooks;
  const struct execution_input *execution; // for the query of a CREATE TABLE AS
  struct arena *arena;
  // Notices ("relation … does not exist, skipping"): appended by the callee, at most a few. May be NULL.
  void (*notice)(void *context, const struct error *notice);
  void *notice_context;
};
// The table of a LOCK TABLE in this mode (as PostgreSQL numbers them); borrowed. 42P01, 42809, 42501.
int utility_lock_target(const struct utility_input *input, const PgQuery__RangeVar *name, int mode,
                        const struct relation **relation, struct error *error);
// Runs CREATE TABLE [AS no], DROP TABLE/INDEX/SOURCE/WORKFLOW, CREATE INDEX, ALTER TABLE ADD PRIMARY KEY | ADD CONSTRAINT
// UNIQUE | RENAME, ALTER SOURCE | SINK SET, ALTER WORKFLOW SET (state), TRUNCATE, CREATE SOURCE, CREATE SINK,
// CREATE [OR REPLACE] WORKFLOW.
// Changes go through the writer, the definitions' number with them. 0A000 for what is not there yet.
// One value of a SET as text. False: it is no constant.
bool setting_constant(const PgQuery__Node *node, struct buffer *out);
// All of them, with commas between, as lists are written; without a zero byte.
bool setting_value(const PgQuery__VariableSetStmt *set, struct buffer *out);
int utility_run(const struct utility_input *input, const char **tag, struct error *error);

// The options of EXPLAIN. 42601, 22023, 0A000.
int explain_read_options(const PgQuery__ExplainStmt *statement, struct bytes text, struct explain_options *options,
                         struct error *error);
