// The scalar functions, operators, casts and aggregates that SQL can call. One table row each:
// to add one is to add a row in the file of its kind (math.c, text.c, time.c, …), its code and its test.
// Operators are functions whose name is the operator ("+", "<=", "||", "~", "~~" for LIKE).
#pragma once

#include "base/error.h"
#include "data/value.h"
#include "expr/node.h"

// What a running expression may look at beside its arguments. Filled by who runs it.
struct evaluation {
  struct value *const *ranges;      // ranges[r][c]: the current row of range entry r
  const struct value *parameters;
  const enum type_id *argument_types; // of a call whose function takes types, and of an aggregate's step
  enum type_id result_type;         // of such a call
  const struct user_types *types;   // of a call that reads values of types made by users (types_keep)
  struct arena *arena;              // for results; who runs it resets it between rows
  const struct format_settings *settings;
  struct error *error;
  int64_t now;                      // the transaction's time
  int64_t statement_now;            // the statement's
  int64_t clock_now;                // of the last frame
  void *context;                    // of who runs it; handed to the hooks
  const struct evaluation_hooks *hooks; // may be NULL where no function needs them
};

struct evaluation_hooks {
  // A fresh random 64-bit number of the statement (deterministic from the partition's seed).
  uint64_t (*random)(struct evaluation *evaluation);
  // Subqueries: gives the value of subquery `number` (EXISTS: boolean; IN: with left, boolean or NULL).
  int (*subquery)(struct evaluation *evaluation, enum subquery_kind kind, int number, const struct value *left,
                  struct value *result);
  // current_user, current_database, version(), current_schema, pg_* lookups: by name of the function.
  int (*session_function)(struct evaluation *evaluation, const char *name, const struct value *arguments,
                          int argument_count, struct value *result);
  // Asked now and then by what may take long: a status where the statement is not to go on. May be NULL.
  int (*look)(struct evaluation *evaluation);
};

typedef int (*function_code)(struct evaluation *evaluation, const struct value *arguments, int argument_count,
                             struct value *result);

// pure: same arguments, same result. stable: the same throughout a statement, and when it runs again (now, current
// settings). kept: its first results are used again when a transaction re-runs (random, nextval). once: has an effect
// outside and is not repeated (pg_sleep, setval).
enum volatility { FUNCTION_PURE, FUNCTION_STABLE, FUNCTION_KEPT, FUNCTION_ONCE };

enum { FUNCTION_ARGUMENTS = 8 };

// Functions of arrays of any type have these in the place of types, PostgreSQL's pseudo-types:
//   TYPE_ANY_NONARRAY                   anynonarray: any, but no array
//   TYPE_ANY_ARRAY, TYPE_ANY_ELEMENT    anyarray, anyelement: of one type exactly, all of a call
//   TYPE_ANY_ENUM                       anyenum: of one enum, all of a call. A function of it (not an operator) gets one
//                                       argument more than its row says: an array of all values of the enum
//   TYPE_LIKE_ARRAY, TYPE_LIKE_ELEMENT  anycompatiblearray, anycompatible: cast to a common one

struct function {
  const char *name;
  uint32_t oid;          // PostgreSQL's where it has one and it matters; else 0
  enum type_id result;
  int8_t argument_count; // -n - 1: n fixed arguments, then any number of the last one's type ("variadic any": TYPE_COUNT)
  enum type_id arguments[FUNCTION_ARGUMENTS]; // TYPE_ANY: any type; the code gets its text form
  function_code code;
  enum volatility volatility;
  bool called_on_null;   // otherwise a NULL argument gives NULL without a call
  bool is_operator;
  bool takes_types; // arguments of any type come as they are, their types in evaluation->argument_types
};

// PostgreSQL's rules (manual, chapter 10): exact match, then implicit casts, preferred types, unknown
// literals. given[i] may be TYPE_UNKNOWN. The caller casts arguments to what function_types says.
// (With CAST_EXPLICIT or CAST_IMPLICIT: what was resolved can be cast implicitly.)
// 42883 no such function / operator does not exist, 42725 not unique, with PostgreSQL's texts and hints.
int function_resolve(const char *name, bool is_operator, const enum type_id *given, int count,
                     const struct user_types *types, const struct function **function, struct error *error);
// What the arguments of the resolved call are to be cast to, and its result. 42804 where nothing says what array.
int function_types(const struct function *function, const enum type_id *given, int count, enum type_id *wanted,
                   enum type_id *result, struct error *error);

enum cast_context { CAST_IMPLICIT, CAST_ASSIGNMENT, CAST_EXPLICIT };
// Can a value of one type become one of another in this context? Then *function is how (NULL: the bytes
// are the same already, only the modifier may have to be applied). TYPE_UNKNOWN casts to everything by text input.
bool cast_find(enum type_id from, enum type_id to, enum cast_context context, const struct function **function);
// Errors with a position of expr/ give it as the node's byte offset + 1; who knows the text turns it into characters.
// Wraps the node in what makes it the type, modifier applied; constants are folded at once (so input errors of
// literals appear here, with the literal's position). NULL with an error: 42846 / 42804 as PostgreSQL words
// them for an expression.
struct node *cast_node(struct node *node, struct type to, enum cast_context context, struct arena *arena,
                       const struct format_settings *settings, struct error *error);
// What is known of the type, and of all that its values are made of, for as long as the arena lives.
// *kept: NULL, or what it is added to.
int types_keep(enum type_id type, const struct user_types *types, struct arena *arena, const struct user_types **kept,
               struct error *error);
// The common type of CASE, COALESCE, UNION, VALUES (manual, 10.5). 42804 with `what` in its text ("CASE", …).
int type_common(const struct node *const *nodes, int count, const char *what, const struct user_types *types,
                enum type_id *common, struct error *error);

// Aggregates. State lives in `state` (zeroed, state_size bytes) and in the arena that is given.
struct aggregate {
  const char *name;
  enum type_id result;
  int8_t argument_count;
  enum type_id arguments[2];
  size_t state_size;
  bool skips_null; // a NULL argument is not even shown to it
  int (*step)(struct evaluation *evaluation, void *state, const struct value *arguments, struct arena *arena);
  int (*finish)(struct evaluation *evaluation, void *state, struct value *result);
  // For incremental views: take a row out again. NULL: cannot.
  int (*unstep)(struct evaluation *evaluation, void *state, const struct value *arguments, struct arena *arena);
};
bool aggregate_exists(const char *name);
int aggregate_resolve(const char *name, const enum type_id *given, int count, const struct user_types *types,
                      const struct aggregate **aggregate, struct error *error);

// Window functions. What one sees of the row that it is asked about; rows are numbers within its partition.
struct window_place {
  struct evaluation *evaluation;
  int64_t row, count;       // the row, and how many the partition has
  int64_t peers, peers_end; // the first of its peers, and the row behind the last one
  int64_t group;            // how many groups of peers come before
  // An argument of any row of the partition.
  const struct value *(*argument)(const struct window_place *place, int64_t row, int argument);
  // The frame's row of this number, from its end where that is negative (-1: the last); -1: it has none.
  int64_t (*frame_row)(const struct window_place *place, int64_t number);
};
enum { WINDOW_ARGUMENTS = 3 };
struct window_function {
  const char *name;
  enum type_id result;
  int8_t argument_count;
  enum type_id arguments[WINDOW_ARGUMENTS];
  bool reads_frame;
  // What it gives is borrowed from the partition's rows.
  int (*value)(const struct window_place *place, struct value *result);
};
bool window_function_exists(const char *name);
int window_function_resolve(const char *name, const enum type_id *given, int count, const struct user_types *types,
                            const struct window_function **function, struct error *error);
int window_function_types(const struct window_function *function, const enum type_id *given, int count,
                          enum type_id *wanted, enum type_id *result, struct error *error);

// Ordered-set aggregates: WITHIN GROUP (ORDER BY …). The arguments are the direct ones and then what is ordered.
// (The hypothetical ones are window functions, asked about a row that is not there.)
struct ordered_rows {
  struct value *const *rows; // sorted; the first column is what is ordered by, never NULL
  int64_t count;
  enum type_id type;
};
struct ordered_set {
  const char *name;
  enum type_id result;
  int8_t argument_count;
  enum type_id arguments[2];
  // What it gives may be borrowed from the rows.
  int (*finish)(struct evaluation *evaluation, const struct ordered_rows *rows, const struct value *direct,
                struct value *result);
};
bool ordered_set_exists(const char *name);
bool ordered_set_is_hypothetical(const char *name);
int ordered_set_resolve(const char *name, const enum type_id *given, int count, const struct user_types *types,
                        const struct ordered_set **set,
                        struct error *error);
// 42883 for a call with these arguments.
int function_missing(const char *name, const enum type_id *given, int count, const struct user_types *types,
                     struct error *error);
int ordered_set_types(const struct ordered_set *set, const enum type_id *given, int count, enum type_id *wanted,
                      enum type_id *result, struct error *error);

// RANGE frames with offsets: of what type one must be for rows ordered by this column. 0A000 where there is none.
int frame_offset_type(enum type_id column, enum type_id given, enum type_id *wanted, struct error *error);
// Is the value at most (at least: not is_most) as far as the offset before (behind: not is_before) the base?
struct frame_reach {
  enum type_id type; // of the column
  const struct value *offset;
  bool is_before, is_most;
};
int frame_reaches(struct evaluation *evaluation, const struct frame_reach *reach, const struct value *value,
                  const struct value *base, bool *reaches);

// Functions that give sets of rows.
enum { SET_COLUMNS = 5 };
struct set_call {
  const struct value *arguments;
  const enum type_id *argument_types;
  int argument_count;
  int64_t position; // 0 at first; the function's own
  uint64_t places[FUNCTION_ARGUMENTS]; // the same, one for each argument
  int column_count; // what the statement calls its columns, where the function asks for that
  const char *const *names;
  const struct type *types;
};
struct set_function {
  const char *name;
  int8_t argument_count;
  enum type_id arguments[FUNCTION_ARGUMENTS];
  int column_count; // 0: the statement defines the columns
  struct {
    const char *name; // NULL: as the function is called in FROM
    enum type_id type;
  } columns[SET_COLUMNS];
  // 1: *row is the next one, and the position has moved; 0: there is none; or a status. The row's bytes are borrowed
  // from the arguments or lie in the evaluation's arena.
  int (*next)(struct evaluation *evaluation, struct set_call *call, struct value *row);
  bool called_on_null; // otherwise a NULL argument gives no rows
  function_code prepare; // run once before: what it gives takes the place of the first argument. May be NULL
};
// What the arguments of the resolved call are to be cast to, and the type of its first column.
int set_function_types(const struct set_function *function, const enum type_id *given, int count, enum type_id *wanted,
                       enum type_id *result, struct error *error);
bool set_function_exists(const char *name);
int set_function_resolve(const char *name, const enum type_id *given, int count, const struct user_types *types,
                         const struct set_function **function, struct error *error);

// Records (expr/record.c): of ROW(…), any number of names, each with its value behind it; of a table's row, NULL where all
// values are, as that of an outer join that found none; and whether all columns of one are NULL, or none.
// record_column_function gives a column by its number; of which type it is, is known where it is asked for.
// read_row_function reads texts as rows: its node has the types.
extern const struct function read_row_function, record_of_row_function, record_column_function, record_function, whole_record_function, record_nulls_function;

// All rows of the tables, for pg_proc and the documentation: start at 0, NULL after the last.
const struct function *function_at(int index);
const struct aggregate *aggregate_at(int index);
const struct set_function *set_function_at(int index);
const struct window_function *window_function_at(int index);
const struct ordered_set *ordered_set_at(int index);
