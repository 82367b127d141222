// Bound statements: what the binder makes and the planner takes.
//
// A *range* is anything that yields rows: a table, a subquery in FROM, a function, the groups of a GROUP BY.
// Ranges are numbered through the whole statement, subqueries included; a NODE_COLUMN names (range, column)
// and reads evaluation->ranges[range][column]. So a correlated subquery just reads the ranges around it.
//
// All of it lives in the statement's arena and is immutable once bound.
#pragma once

#include "expr/function.h"
#include "expr/node.h"
#include "sql/rows.h"
#include "table/claimer.h"
#include "table/relation.h"

struct query;
struct system_table; // sql/system.h

enum range_kind {
  RANGE_TABLE,    // relation: a table or a keyed source
  RANGE_SOURCE,   // relation: a source as a stream, in a workflow's FROM: the rows that the run was given
  RANGE_SYSTEM,   // system: computed rows of pg_catalog, information_schema, quern
  RANGE_SUBQUERY, // query: its visible targets
  RANGE_FUNCTION, // generate_series(arguments), or another function that gives rows
  RANGE_VALUES,   // values: rows of expressions
  RANGE_GROUP,    // of an aggregating query: its group keys, then its aggregates
  RANGE_WINDOW,   // what the window functions of a query give
  RANGE_ROW,      // a row that a change has at hand: new, excluded
  RANGE_SET,      // operation: of UNION, INTERSECT or EXCEPT, or a recursion
  RANGE_SHARED,   // number: a WITH query that is run once for all who read it
  RANGE_WORKING,  // number: what a recursion found in its last round
};

enum set_kind { SET_UNION, SET_INTERSECT, SET_EXCEPT, SET_RECURSION };

// The visible targets of all arms have the types of the range's columns. INTERSECT and EXCEPT have two arms; so
// has a recursion: where it begins, and what is run again over what the round before found.
struct set_operation {
  enum set_kind kind;
  bool is_all;
  struct query **arms;
  int arm_count;
  int working; // RECURSION: its number
};

struct range_column {
  const char *name;
  struct type type;
  bool is_used; // by any expression of the statement: only these are decoded
  bool is_read; // named by one: it must be allowed
};

struct range {
  enum range_kind kind;
  const char *alias; // as the statement calls it
  int column_count;
  struct range_column *columns;
  const struct relation *view;       // SUBQUERY: of this view; NULL. Pinned
  uint32_t role;                     // who is asked for rights: the statement's role, or the owner of the view that it is in
  bool is_scanned;                   // stands in FROM: it must be allowed to select from it
  bool is_locked;                    // FOR UPDATE or the like: to update it
  bool is_identified;                // key and encoded row are wanted, as two columns behind the others
  const struct relation *relation;   // TABLE, SOURCE; ROW: of the table changed. Pinned by the statement
  const struct system_table *system; // SYSTEM
  struct query *query;               // SUBQUERY
  struct set_operation *operation;   // SET
  bool is_owners;                    // SHARED: of the statement around this one's part
  int number;                        // SHARED: in the statement's list; WORKING: of the recursion
  const char *function;              // FUNCTION, SHARED: its name
  const struct set_function *set;    // FUNCTION: NULL for generate_series
  bool expands;                      // FUNCTION: each row that it gives as a value is the columns
  const struct user_types *types;    // FUNCTION: of the rows that it reads; NULL
  bool has_ordinality;               // FUNCTION: the last column is the row's number
  struct node **arguments;           // FUNCTION
  int argument_count;
  struct node ***values;             // VALUES: values[row][column]
  int value_count;                   // rows
};

enum join_kind { JOIN_RANGE, JOIN_INNER, JOIN_LEFT, JOIN_FULL }; // a right join is bound as a left one with its sides swapped

struct join {
  enum join_kind kind;
  int range;                 // JOIN_RANGE
  struct join *left, *right; // the others
  struct node *condition;    // NULL: none (a cross join)
};

struct order_key {
  struct node *expression;
  bool is_descending, nulls_first;
};

// One of aggregate, set (WITHIN GROUP), hypothetical (the same; a window function asked about a row that is not there)
// and grouping.
struct aggregate_call {
  const struct aggregate *aggregate;
  const struct ordered_set *set;
  const struct window_function *hypothetical;
  struct node **arguments;
  int argument_count;
  struct order_key *order; // within the call
  int order_count;
  struct node **direct; // of WITHIN GROUP: reads the groups
  int direct_count;
  struct node **grouping; // GROUPING: its arguments, and which group keys they are
  int *grouping_keys;
  int grouping_count;
  struct node *filter; // NULL: none
  bool is_distinct;
  struct type type;
};
const char *aggregate_call_name(const struct aggregate_call *call);

// Keys that a grouping set has; those that follow from keys are in all of them.
struct group_set {
  int *keys;
  int count;
};

enum frame_mode { WINDOW_RANGE, WINDOW_ROWS, WINDOW_GROUPS };
enum frame_bound { BOUND_FIRST, BOUND_PRECEDING, BOUND_CURRENT, BOUND_FOLLOWING, BOUND_LAST };
enum frame_exclusion { EXCLUDE_NOTHING, EXCLUDE_CURRENT, EXCLUDE_GROUP, EXCLUDE_TIES };
struct window_frame {
  enum frame_mode mode;
  enum frame_bound start, end;
  enum frame_exclusion exclusion;
  struct node *start_offset, *end_offset; // of PRECEDING, FOLLOWING; they read no range of the query
};

struct expansion {
  int range;
  int level; // from 0
};

struct window {
  struct node **partition;
  int partition_count;
  struct order_key *order;
  int order_count;
  bool has_frame; // the statement says one
  struct window_frame frame;
};

// function or aggregate: the other one is NULL.
struct window_call {
  const struct window_function *function;
  const struct aggregate *aggregate;
  struct node **arguments;
  int argument_count;
  struct node *filter; // NULL: none
  int window;
  struct type type;
};

struct target {
  const char *name;
  struct node *expression;
  uint32_t relation_oid;  // of a plain column, for clients; else 0
  int16_t relation_column; // from 1; else 0
};

// FOR UPDATE, FOR SHARE, …: of one range of the query.
struct row_lock {
  int range;
  int target; // hidden: the row's key
  enum claim_mode mode;
  enum claim_wait wait;
};

struct query {
  struct join *from; // NULL: one empty row
  struct node *where;

  bool is_grouped; // has GROUP BY, aggregates or HAVING: targets and having read group_range (or outer ranges) only
  int group_range;
  struct node **group_keys;
  int group_key_count; // 0 with is_grouped: one group, even of no rows
  struct group_set *sets;
  int set_count;     // 0: no grouping sets, all keys are grouped by
  int set_key_count; // the first keys, which sets may lack
  struct aggregate_call *aggregates;
  int aggregate_count;
  struct node *having;
  // Window functions see the rows, or groups, that are left then; the targets alone read window_range.
  int window_range;
  struct window *windows;
  int window_count;
  struct window_call *window_calls; // by column of the range
  int window_call_count;

  // Functions in the select list that give rows: ranges of each row, or group, that is left then. Those of one level
  // give their rows side by side, and read what the levels before have given.
  struct expansion *expansions;
  int expansion_count;

  struct target *targets; // visible ones first
  int target_count;
  int visible_count;
  bool is_distinct; // over the visible targets
  struct sort_key *order; // by targets: expressions that are not selected are hidden ones behind the visible ones
  int order_count;
  int unique_count; // DISTINCT ON: of rows that agree in the first so many keys of the order, the first one
  bool has_ties;    // FETCH … WITH TIES: rows that the order holds for equal to the last one come too
  struct row_lock *locks;
  int lock_count;
  struct node *limit, *offset; // bigint; NULL: none. They read no range of this query
};

struct subquery {
  enum subquery_kind kind;
  int left_range; // ANY, ALL: where its comparison finds the left side, if that is handed over
  struct query *query;
  bool is_correlated; // reads ranges around it: runs anew for each row; otherwise once a run
};

// A WITH query that is run once, as far as it is read. It reads no ranges around it.
// part: number of the change whose RETURNING it is; -1: of none, it is a query.
struct shared_query {
  const char *name; // NULL: a subquery's rows, kept to be compared
  struct query *query;
  int part;
  const struct target *columns;
  int column_count;
};

struct assignment {
  int column;
  struct node *value; // of the column's type, modifier applied
  bool is_part;       // SET a[1] = …: more of the kind may join it
};

// Does an UPDATE with these assignments change the column? A generated one follows from the others.
static inline bool assignments_change(const struct relation *relation, const struct assignment *assignments, int count,
                                      int column)
{
  bool changes = count > 0 && relation->schema.columns[column].is_generated;
  for (int i = 0; i < count && !changes; i++)
    changes = assignments[i].column == column;
  return changes;
}

enum override { OVERRIDE_NOT, OVERRIDE_SYSTEM, OVERRIDE_USER }; // OVERRIDING … VALUE

enum conflict_action { CONFLICT_ERROR, CONFLICT_NOTHING, CONFLICT_UPDATE };

// MERGE: what WHEN [NOT] MATCHED [AND condition] THEN does.
enum merge_kind { MERGE_NOTHING, MERGE_INSERT, MERGE_UPDATE, MERGE_DELETE };
struct merge_action {
  enum merge_kind kind;
  bool is_matched;
  struct node *condition; // NULL: none
  struct node **values;   // INSERT: one for each column of the table
  struct assignment *assignments;
  int assignment_count;
};

// WITH CHECK OPTION of a view through which a table is changed: what must hold for the new row.
struct view_check {
  const char *view;
  struct node *condition; // reads new_range
};

// INSERT, UPDATE, DELETE, MERGE.
struct modification {
  const struct relation *relation;
  // UPDATE, DELETE, MERGE: the row found (query.from has this range in it); ON CONFLICT DO UPDATE: the row in the way.
  int target_range;
  int new_range;                   // INSERT, UPDATE: the row as it will stand: what RETURNING reads (DELETE: target_range)
  // INSERT: one value for each column of the table, assignment casts and defaults included. They read source_range,
  // a SUBQUERY or VALUES range, or no range at all when source_range is -1 (a single VALUES row).
  int source_range;
  struct node **values;
  enum override override;
  const struct column *refused;    // it was given a value that it may not have: told when all else is right. NULL: none
  bool refused_update;             // in an UPDATE
  enum conflict_action conflict;
  int arbiter;                     // index number in relation->indexes; -1: any
  int excluded_range;              // the row that was to be inserted
  struct assignment *assignments;  // UPDATE, DO UPDATE
  int assignment_count;
  struct node *conflict_where;
  struct view_check *checks; // in the order in which they are looked at
  int check_count;
  struct merge_action *actions; // MERGE
  int action_count;
  struct target *returning;
  int returning_count;
};

enum statement_kind {
  STATEMENT_SELECT, // VALUES too
  STATEMENT_INSERT,
  STATEMENT_UPDATE,
  STATEMENT_DELETE,
  STATEMENT_MERGE,
  STATEMENT_WITH, // a SELECT whose WITH has changes
};

// Calls visit for every place of an expression in the query and in the queries of its FROM, until one is refused.
// Subqueries in expressions are the visitor's.
typedef int (*query_visit)(void *context, struct node **slot);
int query_each(struct range *ranges, struct query *query, query_visit visit, void *context);
int query_each_window(struct query *query, query_visit visit, void *context); // in its window functions and windows

struct statement {
  enum statement_kind kind;
  struct query *query;               // SELECT; UPDATE, DELETE and MERGE: from and where
  struct modification *modification; // INSERT, UPDATE, DELETE, MERGE
  struct range *ranges;
  int range_count;
  struct subquery *subqueries;
  int subquery_count;
  struct shared_query *shared;
  int shared_count;
  int working_count; // recursions
  struct statement **parts; // changes in WITH: statements with ranges of their own, which see the WITH queries before
  int part_count;
  struct type *parameters; // all known when bound
  int parameter_count;
  struct target *columns; // of the result: visible targets or RETURNING
  int column_count;       // 0 for changes without RETURNING
  // What binding looked at and the statement keeps pinned.
  struct relation **relations;
  int relation_count;
  // Reads system tables or the catalog through functions: must run on the owner thread, and depends on the log's end.
  bool reads_system;
  bool draws_numbers; // from sequences: must run on the owner thread
  bool notifies;      // calls pg_notify: must run there, too, with a writer
  bool claims_rows; // has FOR UPDATE or the like somewhere: must run on the owner thread
  bool is_volatile; // calls a function that is kept or once
  bool acts_once;   // calls one that is once
  bool takes_atom;  // of a workflow: FROM atom(source), all rows at once; otherwise one run a row
};
