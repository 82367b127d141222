// What the files of the binder share; for them alone.
//
// 1. Functions that make nodes return NULL with the error set; the others return 0 or a status.
// 2. Everything that outlives binding is in the statement's arena: no pointer into the parse tree stays.
// 3. Ranges, subqueries and relations are arrays that grow and move: keep numbers, not pointers.
#pragma once

#include "base/limits.h"
#include "base/sqlstate.h"
#include "sql/bind.h"
#include "sql/system.h"
#include "table/user_type.h"

// Where an expression stands: decides what it may hold, and the words of the error.
enum clause {
  CLAUSE_TARGET,
  CLAUSE_WHERE,
  CLAUSE_HAVING,
  CLAUSE_GROUP,
  CLAUSE_ORDER,
  CLAUSE_LIMIT,
  CLAUSE_OFFSET,
  CLAUSE_JOIN,
  CLAUSE_FROM,
  CLAUSE_VALUES,
  CLAUSE_UPDATE,
  CLAUSE_MERGE,
  CLAUSE_RETURNING,
  CLAUSE_FILTER,
  CLAUSE_AGGREGATE,
  CLAUSE_WINDOW, // a window's definition
  CLAUSE_SUBSELECT, // a query in FROM
  CLAUSE_DEFAULT, // this and the ones behind it: expressions of definitions
  CLAUSE_INDEX,
  CLAUSE_PREDICATE,
  CLAUSE_GENERATED,
  CLAUSE_COPY, // WHERE of COPY FROM
};

// A name in FROM: a range, or a join, whose columns are expressions over the ranges below it.
struct item {
  const char *name;   // NULL: a join without an alias
  const char *schema; // of a table without an alias; NULL
  int range;          // -1: a join
  int column_count;
  const char **names;    // joins
  struct node **columns; // joins
  bool shows_columns;    // to names without a qualifier
  bool is_nullable;      // on the side of an outer join that may have no row: its row may be NULL as a whole
  bool is_barred;        // left of a RIGHT or FULL JOIN, for what is right of it: to name it is an error
  int reads;             // of a view that is changed: 1 + the range whose columns' is_read is noted; 0: none
};

struct items {
  struct item *items;
  int count, capacity;
  struct join *join; // what FROM amounts to so far
};

// A query in WITH. Those of WITH RECURSIVE may name each other, so that one is bound when another names it.
enum expression_state { EXPRESSION_NEW, EXPRESSION_BINDING, EXPRESSION_BOUND };
enum recursion_phase { RECURSION_NONE, RECURSION_START, RECURSION_STEP }; // which side of its UNION is bound
struct table_expression {
  const char *name;
  const PgQuery__CommonTableExpr *tree;
  struct table_expression *previous; // those that this one may name
  struct scope *scope;               // of the query whose WITH this is
  bool is_recursive;                 // of WITH RECURSIVE
  enum expression_state state;
  struct query *query; // bound once; named again it is bound anew
  bool is_taken;       // the query stands somewhere:
  int first_range;     // in this one
  bool is_correlated;
  const struct statement *owner; // in which it was bound
  int shared; // number in its owner's list; -1: it is put where it is named
  int depth;  // of the queries within it
  // While it is bound: how it reads itself.
  enum recursion_phase phase;
  int reference_count;
  int working; // number of the recursion
  struct range_column *columns;
  int column_count;
};

// One query level while it is bound.
struct scope {
  struct scope *outer;
  bool is_lateral;   // a subquery in FROM that sees what stands to the left
  bool hides_outer;  // another subquery in FROM: the outer level's items cannot be seen, only what is around them
  struct scope *via; // of a WITH query: the scope in which it was named
  struct table_expression *defines; // of a WITH query itself
  const char *within;               // an arm of what a recursive reference may not stand in; NULL
  struct items items;
  struct items hidden;  // cannot be named here, but are there: of what MERGE changes
  struct items lateral; // while FROM is bound: what stands to the left, for the arguments of functions
  struct table_expression *with;
  enum clause clause;
  int nullable_depth;        // of outer joins whose nullable side is bound
  bool has_self_reference;   // to the WITH query around it
  bool is_set_operation;    // ORDER BY names its columns, and no expressions
  int *set_ranges;          // functions in the select list that give rows
  int set_count, set_capacity;
  const char *refuses_sets; // not NULL: the expression in which it may not stand
  int group_range; // -1: none yet
  struct aggregate_call *aggregates;
  int aggregate_count, aggregate_capacity;
  // Windows: those of the WINDOW clause are bound when they are first named.
  PgQuery__Node **window_trees;
  int *named_windows; // for each of these its number, or -1
  int window_tree_count;
  bool in_window_call; // its arguments
  int window_range;    // has meaning with window_call_count
  struct window *windows;
  int window_count, window_capacity;
  struct window_call *window_calls;
  int window_call_count, window_call_capacity;
  bool is_correlated;
};

// What a subquery's column is called, for the column that it becomes.
struct sublink_name {
  const PgQuery__SubLink *link;
  const char *name;
  const struct sublink_name *next;
};

// What a statement changes: a table, or a view and what is below it.
struct changed_level {
  const struct relation *relation;
  uint32_t role;   // who is asked for rights on it
  uint8_t *writes; // for each column: RIGHT_INSERT, RIGHT_UPDATE, RIGHT_SELECT (ON CONFLICT looks for it)
  int *columns;    // of a view, for each column: that of the next level; -1: it is an expression
  int range;       // of a view: is_read of its columns says what the statement reads; -1: a table
};

struct binder {
  const struct bind_input *input;
  struct catalog_types types;    // made by users
  struct format_settings format; // the session's, with them
  struct arena *arena;
  struct error *error;
  struct statement *statement;
  int range_capacity, subquery_capacity, shared_capacity, part_capacity, relation_capacity, parameter_capacity;
  struct node **loose; // parameters of no type yet
  int loose_count, loose_capacity;
  int depth;                 // of expressions, entries of FROM and queries within one another
  int query_depth;           // of queries
  int deepest;               // query_depth that was reached
  bool has_source;           // the workflow's source was met in FROM
  bool has_positions;        // of the text that is bound: false in defaults
  struct changed_level *levels; // of the table or view that is changed, beginning with what is named
  int level_count;
  uint32_t role;             // of who gave the statement, whatever view is bound
  const struct sublink_name *sublinks; // of those that are one value
  const char *no_parameters; // not NULL: they may not stand here
};

// --- bind.c
// Sets the error and its position (offset in the text; -1: none).
int bind_error(struct binder *binder, int32_t location, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
// An error that came from below, whose position is a byte from 1, or 0: then location is taken.
int bind_error_from(struct binder *binder, int32_t location);
struct node *bind_fail(struct binder *binder, int32_t location, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void *bind_memory(struct binder *binder);                 // error_memory; NULL
char *bind_copy(struct binder *binder, const char *text); // NULL: out of memory, said
// Doubles an array in the arena when it is full. False: out of memory, said.
bool bind_grow(struct binder *binder, void *array, int count, int *capacity, size_t size);
int bind_range(struct binder *binder, const struct range *range);        // its number, or a negative status
int bind_columns(struct binder *binder, struct range *range, int count); // allocates them
int bind_pin(struct binder *binder, const struct relation *relation);
struct node *bind_parameter(struct binder *binder, const PgQuery__ParamRef *reference);
// Gives a parameter of no type this one.
struct node *bind_parameter_type(struct binder *binder, struct node *node, struct type type);
bool bind_enter(struct binder *binder, int32_t location); // counts depth; false: too deep, said
// So many queries nest below this one. False: too many, said.
bool bind_deepen(struct binder *binder, int more);
struct node *bind_default(struct binder *binder, const struct relation *relation, int column);

// --- bind_right.c
int bind_check_rights(struct binder *binder); // 42501

// --- bind_type.c
int bind_type_at(struct binder *binder, const PgQuery__TypeName *name, struct type *type, uint32_t *domain);
// The node tested as a value of the domain; domain 0: as it is.
struct node *bind_domain(struct binder *binder, struct node *node, uint32_t domain);
// A type's name, for messages.
#define BIND_TYPE_NAME(binder, id) type_shown(id, &(binder)->types.types).text

// --- bind_convert.c: types of expressions
// bind_reg.c: is it a cast to regclass or the like, and what becomes of it. REG_OTHER: an object id for a name, and the other way
// round.
enum reg_form { REG_NAME, REG_OID, REG_OTHER };
bool bind_is_reg(const PgQuery__Node *tree);
struct node *bind_reg(struct binder *binder, struct scope *scope, const PgQuery__Node *tree, enum reg_form form);
struct node *bind_cast(struct binder *binder, struct node *node, struct type type, enum cast_context context);
// 42883 where the node's type has no order; what: as the message calls the lack.
#define EQUALITY_OPERATOR "an equality operator"
#define ORDERING_OPERATOR "an ordering operator"
#define COMPARISON_FUNCTION "a comparison function"
int bind_ordered(struct binder *binder, const struct node *node, const char *what, int32_t location);
struct node *bind_boolean(struct binder *binder, struct node *node, const char *what);
struct node *bind_known(struct binder *binder, struct node *node); // unknown becomes text
// All of one type. what: "CASE", "VALUES", …
// Casts them to their common type, which has a modifier where all of them have the same.
int bind_common(struct binder *binder, struct node **nodes, int count, const char *what, struct type *type);
struct node *bind_assign(struct binder *binder, struct node *node, const struct relation *relation, int column);
struct node *bind_call(struct binder *binder, const char *name, bool is_operator, struct node **arguments, int count,
                       int32_t location);
struct node *bind_operator(struct binder *binder, const char *name, struct node *left, struct node *right,
                           int32_t location);
struct node *bind_node(struct binder *binder, enum node_kind kind, struct type type, int32_t location,
                       struct node **arguments, int count);
struct node *bind_not(struct binder *binder, struct node *node, int32_t location);

// --- bind_expression.c
struct node *bind_expr(struct binder *binder, struct scope *scope, const PgQuery__Node *tree);
struct node *bind_condition(struct binder *binder, struct scope *scope, const PgQuery__Node *tree, enum clause clause,
                            const char *what);
// bind_arbiter.c: the number of the index that ON CONFLICT asks; -1: any.
int bind_arbiter(struct binder *binder, const struct relation *relation, const PgQuery__OnConflictClause *clause,
                 int *arbiter);
int32_t bind_location(const PgQuery__Node *tree);
struct node *bind_compare_columns(struct binder *binder, const char *name, struct node **left, struct node **right,
                                  size_t count, int32_t location);
const char *bind_string(const PgQuery__Node *tree); // of a String node; NULL for others

// --- bind_array.c
// wanted: the array type that a cast around it says; NULL.
struct node *bind_array(struct binder *binder, struct scope *scope, const PgQuery__AArrayExpr *tree,
                        const struct type *wanted);
struct node *bind_array_subscript(struct binder *binder, struct scope *scope, struct node *array,
                                  PgQuery__Node **trees, size_t count);
// A value for the place in such an array that the column's subscripts say, cast to what belongs there.
struct node *bind_array_part(struct binder *binder, struct scope *scope, const PgQuery__ResTarget *place,
                             struct type array, struct node *value);
// The array with the value in the place that the column's subscripts say.
struct node *bind_array_assignment(struct binder *binder, struct scope *scope, const PgQuery__ResTarget *place,
                                   struct node *array, struct node *value);
struct node *bind_array_test(struct binder *binder, const char *name, struct node *left, struct node *array,
                             bool is_all, int32_t location);

// --- bind_function.c
struct node *bind_function(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *call);
struct node *bind_value_function(struct binder *binder, const PgQuery__SQLValueFunction *function);
// `name` or pg_catalog.`name`. NULL: another schema, said.
const char *bind_function_name(struct binder *binder, PgQuery__Node **names, size_t count, int32_t location);

// NULL with the error set where an aggregate's or a window function's arguments do not bind.
struct node **bind_arguments(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *tree,
                             const char *name);

// --- bind_aggregate.c
struct node *bind_aggregate(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *tree,
                            const char *name);
struct node *bind_grouping_call(struct binder *binder, struct scope *scope, const PgQuery__GroupingFunc *tree);
// Resolves an aggregate that is called with the arguments, and casts them.
int bind_aggregate_arguments(struct binder *binder, const char *name, struct aggregate_call *call, int32_t location);
// Of an ordered-set aggregate without WITHIN GROUP: said.
int bind_refuse_ordered_set(struct binder *binder, const char *name, struct node **arguments, int count,
                            int32_t location);

// --- bind_window.c
int bind_window_clause(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select);
struct node *bind_window_call(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *call,
                              const char *name);
// What nobody has named, too; then the query has them.
int bind_windows(struct binder *binder, struct scope *scope, struct query *query);
// ORDER BY in a window or an aggregate: expressions alone. NULL with the error set.
struct order_key *bind_order_keys(struct binder *binder, struct scope *scope, PgQuery__Node **trees, size_t count);
int bind_direction(struct binder *binder, const PgQuery__SortBy *sort, struct node *node, bool *is_descending,
                   bool *nulls_first);

// --- bind_sublink.c
struct node *bind_sublink(struct binder *binder, struct scope *scope, const PgQuery__SubLink *link);
struct node *bind_row_sublink(struct binder *binder, struct scope *scope, const char *name, const PgQuery__RowExpr *row,
                              const PgQuery__SubLink *link, int32_t location);
struct node *bind_column_sublink(struct binder *binder, struct scope *scope, const PgQuery__SubLink *link, int column,
                                 int count);

// --- bind_name.c
struct node *bind_column(struct binder *binder, struct scope *scope, const PgQuery__ColumnRef *reference);
// Column of an item, marked as used.
struct node *bind_item_column(struct binder *binder, const struct item *item, int column, int32_t location);
const char *item_column_name(const struct binder *binder, const struct item *item, int column);
// Expands * and t.*: appends to the items' columns by calling add.
int bind_star(struct binder *binder, struct scope *scope, const PgQuery__ColumnRef *reference,
              int (*add)(void *context, const char *name, struct node *node), void *context);
bool is_star(const PgQuery__Node *tree);
// From `from` outwards to `to`, where the name was found.
void bind_mark_correlated(struct scope *from, const struct scope *to);
// A name without a qualifier in this scope alone: 1 found, 0 not, or a negative status.
int bind_name_here(struct binder *binder, struct scope *scope, const char *name, int32_t location, struct node **node);

// --- bind_search.c: *tree becomes a query without SEARCH and CYCLE that has their columns.
int bind_search(struct binder *binder, const PgQuery__CommonTableExpr **tree, bool is_recursive);

// --- bind_rows_from.c
int bind_rows_from(struct binder *binder, struct scope *scope, const PgQuery__RangeFunction *tree,
                   struct query **query);

// --- bind_sample.c
int bind_from_sample(struct binder *binder, struct scope *scope, const PgQuery__RangeTableSample *tree,
                     struct items *items);

// --- bind_from.c
int bind_from(struct binder *binder, struct scope *scope, PgQuery__Node **from, size_t count);
// A function that gives rows, in the select list: joined behind all of FROM.
struct node *bind_set_field(struct binder *binder, struct scope *scope, const PgQuery__AIndirection *tree);
// (row).*, of a value.
const PgQuery__AIndirection *bind_is_row_star(const PgQuery__Node *tree);
int bind_row_star(struct binder *binder, struct scope *scope, const PgQuery__AIndirection *tree,
                  int (*add)(void *context, const char *name, struct node *node), void *context);
// --- bind_row.c: fields of rows whose type has a name. NULL: the type is none of theirs.
const struct row_type *bind_row_type(const struct binder *binder, enum type_id type);
// Parameters in ROW(…) that becomes a row of the type have the types of its columns.
int bind_row_parameters(struct binder *binder, struct node *record, enum type_id type);
struct node *bind_field(struct binder *binder, struct node *record, const char *name);
int bind_all_fields(struct binder *binder, struct node *record,
                    int (*add)(void *context, const char *name, struct node *node), void *context);
// A value for what the place says is within a column of the type, and the column with it.
struct node *bind_part(struct binder *binder, struct scope *scope, const PgQuery__ResTarget *place, struct type type,
                       struct node *value);
struct node *bind_part_assignment(struct binder *binder, struct scope *scope, const PgQuery__ResTarget *place,
                                  struct node *whole, struct node *value);

// Of rows: ROW(…); (t).column and (t).*.
struct node *bind_item_row(struct binder *binder, const struct item *item, int32_t location); // as one value
struct node *bind_row_value(struct binder *binder, struct scope *scope, const PgQuery__RowExpr *row);
bool bind_is_row_field(struct scope *scope, const PgQuery__Node *tree);
struct node *bind_row_field(struct binder *binder, struct scope *scope, const PgQuery__Node *tree);
int bind_row_fields(struct binder *binder, struct scope *scope, const PgQuery__AIndirection *tree,
                    int (*add)(void *context, const char *name, struct node *node), void *context);
bool bind_is_set_field(const PgQuery__Node *tree);
int bind_set_fields(struct binder *binder, struct scope *scope, const PgQuery__AIndirection *tree,
                    int (*add)(void *context, const char *name, struct node *node), void *context);
struct node *bind_set_target(struct binder *binder, struct scope *scope, const PgQuery__FuncCall *call,
                             const char *name);
int bind_range_items(struct binder *binder, int range, const PgQuery__Alias *alias, const char *schema,
                     int32_t location, struct items *items);
const char *bind_alias_name(struct binder *binder, const PgQuery__Alias *alias, const char *name);
// An item for a range; names may be NULL.
int bind_add_item(struct binder *binder, struct items *items, const char *name, const char *schema, int range,
                  int32_t location);
int bind_relation(struct binder *binder, const PgQuery__RangeVar *name, const char *kinds, uint32_t right,
                  const struct relation **relation);
int bind_relation_range(struct binder *binder, enum range_kind kind, const struct relation *relation,
                        const char *alias);
struct join *bind_join_range(struct binder *binder, int range);
bool bind_join_has(const struct join *join, int range); // is the range below it?
struct join *bind_join_cross(struct binder *binder, struct join *left, struct join *right);

// --- bind_with.c
int bind_with(struct binder *binder, struct scope *scope, const PgQuery__WithClause *with);
struct table_expression *bind_find_with(const struct scope *scope, const char *name);
// Adds to the error that no table has the name: there is a WITH query that stands too far behind.
void bind_hint_with(struct binder *binder, const struct scope *scope, const char *name);
int bind_table_expression(struct binder *binder, struct scope *scope, struct table_expression *expression,
                          const PgQuery__RangeVar *name, struct items *items);
// The columns that a recursive query's right side finds in what its left side gave.
int bind_working_columns(struct binder *binder, struct table_expression *expression, const char *const *names,
                         const struct type *types, int count);

// --- bind_select.c
// hides_outer: a subquery in FROM. keeps_unknown: literals of no type stay so (INSERT … SELECT).
struct select_options {
  struct scope *outer;
  bool hides_outer;
  struct scope *via;
  struct table_expression *with, *defines;
  const char *within;
  bool is_lateral;
  bool keeps_unknown;
};
int bind_select(struct binder *binder, const PgQuery__SelectStmt *select, const struct select_options *options,
                struct query **query, bool *is_correlated);
// A RANGE_SUBQUERY over the query's visible targets.
int bind_query_range(struct binder *binder, struct query *query, const char *alias);
// RETURNING and SELECT lists.
struct target_list {
  struct target *targets;
  int count, capacity;
};
int bind_targets(struct binder *binder, struct scope *scope, PgQuery__Node **trees, size_t count,
                 struct target_list *list);
int bind_add_target(struct binder *binder, struct target_list *list, const char *name, struct node *node);
// A RANGE_VALUES whose columns have the common types of the rows.
int bind_values(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select);

// --- bind_setop.c
// Is it a UNION, INTERSECT or EXCEPT?
bool is_set_operation(const PgQuery__SelectStmt *select);
// The query over the RANGE_SET of its arms; the targets are the set's columns.
int bind_set_operation(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select,
                       struct query *query, struct target_list *list);

// --- bind_view.c
// A RANGE_SUBQUERY over the view's query: its number, or a negative status.
int bind_view_range(struct binder *binder, const struct relation *view, const char *alias, int32_t location);
// With whose rights the view reads.
uint32_t bind_view_role(const struct binder *binder, const struct relation *view);
// What is bound in between is a view's own: its rights, its names, nothing around it.
struct view_context {
  const struct bind_input *outer;
  struct bind_input inner;
  struct settings settings;
  const char *had_parameters;
  bool had_positions;
};
void bind_enter_view(struct binder *binder, const struct relation *view, struct view_context *context);
void bind_leave_view(struct binder *binder, const struct view_context *context);

// --- bind_change_view.c
// Finds what is changed below the named relation. 55000 for a view that cannot be.
int bind_levels(struct binder *binder, const struct relation *named, enum right right);
// The table's column that a column of level 0 is, noted as written on each level. 0A000: it is an expression.
int bind_written_column(struct binder *binder, int column, enum right right);
// ON CONFLICT looks for this column of the table.
void bind_note_sought(struct binder *binder, int column);
// The columns of a level's view over a range of the table's rows, and the conditions of it and of the views below.
int bind_view_item(struct binder *binder, int level, int range, const char *alias, struct node **conditions,
                   struct item *item);
// The same of what is named, with the role that is asked for the table.
int bind_changed_item(struct binder *binder, const char *name, int range, struct node **conditions, struct item *item);
struct node **bind_new_conditions(struct binder *binder); // one for each level; NULL: out of memory
// Puts them before *where.
int bind_add_conditions(struct binder *binder, struct node *const *conditions, struct node **where);
// WITH CHECK OPTION: into the modification, from conditions over its new_range.
int bind_view_checks(struct binder *binder, struct node *const *conditions);
// At the end: what is only written need not be selected from.
void bind_settle_levels(struct binder *binder);
// Tell whoever keeps the query (bind_input.names) what an unqualified name stood for, and a star's columns.
void bind_note_column(struct binder *binder, const struct scope *scope, const PgQuery__ColumnRef *reference,
                      const struct node *node);
void bind_note_star_column(struct binder *binder, const struct scope *scope, const PgQuery__ColumnRef *reference,
                           const char *name, const struct node *node);

// --- bind_locking.c
const char *bind_lock_name(PgQuery__LockClauseStrength strength); // FOR UPDATE, …
int bind_locking(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select, struct query *query,
                 struct target_list *list);

// --- bind_group.c
int bind_grouping(struct binder *binder, struct scope *scope, const PgQuery__SelectStmt *select, struct query *query);
// ORDER BY or GROUP BY name the select list: by position or by its names. 1 found, 0 not, or a negative status.
int bind_target_named(struct binder *binder, const PgQuery__Node *tree, const struct query *query, const char *clause,
                      int *target);

// --- bind_modify.c
// What the changes of one statement begin with: NULL: out of memory.
struct modification *bind_modification(struct binder *binder, enum statement_kind kind, const struct relation *relation);
struct scope bind_change_scope(const struct select_options *options);
const char *bind_own_name(struct binder *binder, const PgQuery__RangeVar *name); // its alias; NULL: out of memory
// 428C9 if a column was given a value that it may not have.
int bind_refusal(struct binder *binder);
enum override bind_override(PgQuery__OverridingKind kind);
void bind_use_all_columns(struct binder *binder, int range);
// Into the modification: the values of one row, defaults included; what is assigned.
struct inserted_row {
  PgQuery__Node **columns;
  size_t column_count; // 0: all
  PgQuery__Node **values;
  size_t value_count; // 0: DEFAULT VALUES
};
int bind_insert_row(struct binder *binder, struct scope *scope, const struct inserted_row *row);
int bind_assignments(struct binder *binder, struct scope *scope, PgQuery__Node **trees, size_t count);
// options: of a change in WITH, what is around it; else nothing.
int bind_insert(struct binder *binder, const PgQuery__InsertStmt *insert, const struct select_options *options);
int bind_update(struct binder *binder, const PgQuery__UpdateStmt *update, const struct select_options *options);
int bind_delete(struct binder *binder, const PgQuery__DeleteStmt *delete, const struct select_options *options);
int bind_merge(struct binder *binder, const PgQuery__MergeStmt *tree); // bind_merge.c
