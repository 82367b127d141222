// Plans from inside: what the planner (plan*.c) makes, the executor (execute*.c) runs and explain.c prints.
//
// 1. Everything is immutable once plan_statement has returned, and lives in the statement's arena.
// 2. A node of the kinds up to PLAN_MATERIAL, and PLAN_AGGREGATE, gives its rows by setting the current row of its
//    ranges; the others (PLAN_PROJECT and above it) give a row of target values.
// 3. Each node has a number; an execution keeps that node's state under it.
#pragma once

#include "sql/plan.h"
#include "sql/rows.h"

enum plan_kind {
  PLAN_ROW,    // one empty row
  PLAN_GATE,   // its input's rows, if the conditions hold, which read no range of its query
  PLAN_FILTER, // its input's rows for which the conditions hold
  PLAN_SCAN,   // a table: whole, by ranges of keys of its tree or of an index, or by its key
  PLAN_SOURCE, // the rows that a workflow's run was given
  PLAN_SYSTEM,
  PLAN_FUNCTION,
  PLAN_VALUES,
  PLAN_SHARED,    // a WITH query that all who read it run together
  PLAN_WORKING,   // what a recursion found in its last round
  PLAN_SUBQUERY,  // a query in FROM
  PLAN_LOOP,      // nested loop: the right side starts again for each row of the left one
  PLAN_HASH_JOIN, // the right side is hashed
  PLAN_MERGE_JOIN, // both sides come in the order of its keys
  PLAN_LOOKUP,    // its input's rows, which are hashed once, that agree with the row around the query
  PLAN_MATERIAL,  // keeps its input's rows, to be read again
  PLAN_WINDOW,    // keeps them too, sorts them and adds what window functions say
  PLAN_EXPAND,    // its input's rows, each as often as one of its arms, side by side, has rows
  PLAN_AGGREGATE,
  PLAN_COUNT, // count(*) of a whole table, from its tree
  PLAN_PROJECT,
  PLAN_DISTINCT,
  PLAN_APPEND, // the rows of its arms, one after another
  PLAN_SET,    // INTERSECT, EXCEPT: the right side is hashed
  PLAN_RECURSION,
  PLAN_SORT,
  PLAN_UNIQUE, // of sorted rows, the first of those that agree in the sort's first keys
  PLAN_CLAIM, // claims rows (FOR UPDATE …) on their way, or leaves them out
  PLAN_LIMIT,
};

// An expression, with a short cut for the forms that need no program.
enum expression_form { EXPRESSION_PROGRAM, EXPRESSION_COLUMN, EXPRESSION_CONSTANT, EXPRESSION_PARAMETER };
struct expression {
  enum expression_form form;
  int range, column; // COLUMN; PARAMETER: column is its number
  struct value constant;
  const struct program *program;
  const struct node *node;
  enum type_id type;
};

enum comparison {
  COMPARE_EQUAL,
  COMPARE_NOT_EQUAL,
  COMPARE_LESS,
  COMPARE_LESS_EQUAL,
  COMPARE_GREATER,
  COMPARE_GREATER_EQUAL
};

// A condition of the form: integer column compared with what does not change while the scan runs.
struct quick_test {
  int column;
  enum comparison comparison;
  struct expression bound;
};

// Where a scan may begin and end on one part of a key.
struct key_condition {
  enum comparison comparison; // EQUAL and the inequalities
  bool is_null;               // IS NULL: the part is NULL (no values)
  bool is_array;              // = ANY (array): one value, an array of them
  int value_count;            // several for IN
  struct expression *values;
  const struct node *node; // for EXPLAIN
};

struct plan_scan {
  int range;
  const struct relation *relation;
  const struct index *index; // NULL: by the primary tree
  tree_number tree;
  int part_count; // of the tree's key that can be conditioned on or ordered by
  const struct key_part *parts;
  int equal_count; // conditions on the first parts
  struct key_condition *equals;
  struct key_condition *lower, *upper; // on the part behind them, in terms of its values; NULL: none
  bool is_point;                       // the whole primary key is given once: one tree_get
  bool is_backward;
  bool is_ordered;     // its order is asked for
  bool wants_identity; // key and row go into two columns behind the range's own
  int primary_size;    // bytes of a primary key if they are always as many; 0: they vary
  bool is_index_only;  // all that is used of a row stands in the index's key, in so many of its parts and then the
  int read_parts;      // primary key's
  int test_count;
  struct quick_test *tests;
  int early_count; // columns that the filter reads
  int *early;
  int late_count; // the other used ones
  int *late;
  uint64_t table_rows; // when it was planned
};

struct slot {
  int range, column;
  enum type_id type;
};

enum join_form { JOIN_FORM_INNER, JOIN_FORM_LEFT, JOIN_FORM_FULL };
struct plan_join {
  enum join_form form;
  int key_count; // HASH_JOIN, MERGE_JOIN; LOOKUP: left keys are those of the row around the query
  struct expression *left_keys, *right_keys;
  const struct node **key_nodes;
  int null_count; // ranges of the right side, set to NULL where a left join finds nothing
  int *null_ranges;
  int left_count; // FULL: ranges of the left side, set to NULL for what only the right one has
  int *left_ranges;
  int left_slot_count; // what is kept of a left row: HASH_JOIN when the right side is too large to be hashed, MERGE_JOIN
  struct slot *left_slots;
};

// Calls that do more than show each row keep values of it: the arguments, then what they are ordered by.
struct plan_aggregate_call {
  const struct aggregate *aggregate; // NULL: WITHIN GROUP, GROUPING
  int argument_count;
  struct expression *arguments; // then of the other values
  enum type_id *types;
  struct expression *filter;
  bool is_plain; // shows each row, and that is all
  bool is_distinct;
  bool sorts; // the rows are kept, and shown in order at the end
  int value_count;
  struct row_order order;
  struct expression *direct;
  size_t state_offset;
  const struct aggregate_call *call;
};

// The state of a call that sorts: the rows of a group. They lie where the group does.
struct sorted_rows {
  struct value **rows;
  uint32_t count, capacity;
};

enum aggregate_form { AGGREGATE_PLAIN, AGGREGATE_HASHED, AGGREGATE_SORTED };
struct plan_aggregate {
  enum aggregate_form form;
  int range;
  int key_count;
  struct expression *keys;
  int call_count;
  struct plan_aggregate_call *calls;
  size_t state_size;   // of all calls' states
  int value_count;     // the most that a call keeps of a row
  int set_count;       // grouping sets; 0: none
  const struct group_set *sets;
  int set_key_count; // keys that sets may lack
  bool stops_at_first; // min or max over an ordered scan: the first argument that is not NULL decides
};

struct plan_window_call {
  const struct window_function *function; // NULL: an aggregate
  const struct aggregate *aggregate;
  int arguments[WINDOW_ARGUMENTS]; // columns of a kept row
  enum type_id types[WINDOW_ARGUMENTS];
  int argument_count;
  int filter; // column of a kept row; -1: none
  int column; // of the window range
  enum type_id type;
};

// A kept row has the node's slots and then the values.
struct plan_window {
  int range;
  int value_count;
  struct expression *values;
  int *guards; // for each value the column that must be true for it to be wanted; -1: none
  int column_count; // of a kept row
  enum type_id *types;
  struct sort_key *keys; // of the partition, then of the order
  int partition_count, key_count;
  bool is_sorted; // the input is
  struct window_frame frame;
  struct expression *start_offset, *end_offset; // NULL: none
  enum type_id offset_types[2];
  int call_count;
  struct plan_window_call *calls;
  const struct window *window; // for EXPLAIN
};

struct plan_node {
  enum plan_kind kind;
  int number;
  struct plan_node *left, *right;
  int filter_count; // conditions on its rows, one after another
  struct expression *filters;
  const struct node *condition; // all conditions that the node tests, for EXPLAIN; NULL: none
  int condition_count;
  double rows, start_cost, cost; // estimates
  int width;
  int slot_count; // MATERIAL, LOOKUP; HASH_JOIN, MERGE_JOIN: of the right side: what is kept of a row
  struct slot *slots;
  union {
    struct plan_scan scan;
    struct plan_join join;
    struct plan_aggregate aggregate;
    struct plan_window window;
    struct {
      int range;
      int row_count;
      int column_count;
      struct expression **rows;
    } values;
    struct {
      int range;
      int argument_count;
      struct expression *arguments;
      const struct set_function *set; // NULL: generate_series
    } function;
    struct {
      int range;
    } from; // SOURCE, SYSTEM, SUBQUERY, SHARED, WORKING
    struct {
      int range;
      tree_number tree;
    } count;
    struct {
      int target_count;
      struct expression *targets;
    } project;
    struct {
      int column_count;
      enum type_id *types;
      const struct target *targets; // for EXPLAIN
    } distinct;
    struct {
      int arm_count;
      struct plan_node **arms;
    } append; // EXPAND too
    struct {
      enum set_kind kind;
      bool is_all;
      int column_count;
      enum type_id *types; // of the columns, and of a count behind them
    } set;
    struct {
      bool is_all;
      int column_count;
      enum type_id *types;
      int working;
    } recursion;
    struct {
      int column_count;
      struct row_order order;
      const struct target *targets;
      const struct plan_node *limit;
    } sort; // limit: only its first rows are wanted
    struct {
      const struct plan_scan *point; // whose key is claimed where there is no row; NULL: none
      int lock_count;
      const struct row_lock *locks;
    } claim;
    struct {
      struct expression *count, *offset;
      const struct plan_node *ties; // whose order decides what comes along behind the last row; NULL: nothing
    } limit;
    struct {
      int key_count;
      const struct plan_node *order;
    } unique;
  };
};

struct plan_subquery {
  enum subquery_kind kind;
  bool is_correlated;
  struct plan_node *root;
  enum type_id type; // of its one column
  const struct aggregate *gather; // ARRAY(SELECT …)
};

struct plan_shared {
  struct plan_node *root; // NULL: of a part
  int column_count;
  enum type_id *types;
};

// One of MERGE's actions.
struct plan_action {
  struct expression *condition; // NULL: none
  struct expression *values;    // INSERT
  struct expression *assignments;
};

struct plan_modification {
  const struct modification *modification;
  struct plan_action *actions;
  struct expression *checks; // of views
  struct expression *values; // INSERT
  struct expression *assignments;
  struct expression *conflict_where;
  struct expression *recheck; // UPDATE: its WHERE, where it reads what is assigned; NULL: the row would be found again
  struct expression *returning;
  bool is_streamed; // INSERT: the rows do not come from tables, so each is written when it comes
  bool is_joined;   // UPDATE, DELETE: a row may be found more than once
  bool source_is_query;
  bool reads_before; // INSERT, MERGE, checks of views: what it computes while it writes reads tables, as they were before
};

// The statements that decide the speed: found when the plan is made, run without iterators.
enum short_form { SHORT_NONE, SHORT_SELECT, SHORT_INSERT, SHORT_UPDATE, SHORT_DELETE };

// How large a table was when the plan was made.
struct plan_size {
  tree_number tree;
  uint64_t rows;
};

struct plan {
  const struct statement *statement;
  struct plan_node *root; // NULL: INSERT of a single row
  int node_count;
  struct plan_subquery *subqueries; // as many as the statement's
  struct plan_shared *shared;       // so are these
  struct plan **parts;              // and these
  struct plan_modification *modification;
  enum short_form short_form;
  const struct plan_node *short_scan; // SELECT, UPDATE, DELETE
  const struct plan_node *short_project;
  const struct query **queries; // by the number of its group range, and of its window range
  bool is_definition;           // no plan, but what node_deparse_row shows as pg_get_expr does
  struct plan_size *sizes;      // of what is not of a short form
  int size_count;
  const struct explain_options *analysis; // EXPLAIN ANALYZE; NULL
};

// --- Between the planner's files -------------------------------------------------------------------

// Sets of ranges: bits, as many words as the statement needs.
typedef uint64_t *range_set;

struct conjunct {
  struct node *node;
  range_set ranges; // that it reads, those of its subqueries included
  bool is_used;     // some node tests it
};
struct conjuncts {
  struct conjunct *list;
  int count, capacity;
};

struct planner {
  struct statement *statement;
  bool has_literals; // whose values are parameters: STATUS_LONG where a value must be known
  const struct version *version;
  struct statistics *statistics;
  struct arena *arena;   // of the plan; while ways are tried out: scratch
  struct arena scratch;  // gone when the plan is made
  struct known *known;   // of tables, by number of their range (plan_estimate.c)
  struct error *error;
  struct plan *plan;
  int set_words;
  int free_range;             // of those that plan_in_reserve made
  struct plan_node **queries; // by number of their range: queries in FROM that are planned already
  const struct query **pushed; // by number of their range: what stands for them (plan_push.c); NULL: they themselves
  struct query ***arms;        // the same for the arms of set operations
};

range_set set_new(struct planner *planner);
static inline bool set_has(range_set set, int range)
{
  return set[range >> 6] >> (range & 63) & 1;
}
static inline void set_add(range_set set, int range)
{
  set[range >> 6] |= (uint64_t)1 << (range & 63);
}
void set_unite(struct planner *planner, range_set into, range_set other);
bool set_within(struct planner *planner, range_set set, range_set whole);
// Are all members of set in a or b, or not in `own` at all?
bool set_covered(struct planner *planner, range_set set, range_set own, range_set available);
bool set_meets(struct planner *planner, range_set a, range_set b);
void node_ranges(struct planner *planner, const struct node *node, range_set set);
void query_ranges(struct planner *planner, struct query *query, range_set set);
void join_ranges(const struct join *join, range_set set);

struct plan_node *plan_node_new(struct planner *planner, enum plan_kind kind);
// A node over another one, with its estimates. NULL: out of memory.
struct plan_node *plan_above(struct planner *planner, enum plan_kind kind, struct plan_node *below);
int expression_make(struct planner *planner, const struct node *node, struct expression *expression);
int expressions_make(struct planner *planner, struct node *const *nodes, int count, struct expression **list);
// Adds what the condition, which must be TRUE, says one by one.
int conjuncts_split(struct planner *planner, struct node *node, struct conjuncts *conjuncts);
int conjuncts_split_or(struct planner *planner, struct node *node, struct conjuncts *conjuncts); // plan_or.c
int conjunct_add(struct planner *planner, struct node *node, struct conjuncts *conjuncts);
// The same condition in a form that bounds scans where there is one (plan_simplify.c).
struct node *condition_simplify(struct planner *planner, struct node *node);
// May it be computed once more, or elsewhere? No subqueries, nothing volatile.
bool node_may_move(const struct node *node);
int node_add_filter(struct planner *planner, struct plan_node *node, struct conjunct *conjunct);
// Conditions that read nothing but the range of this query in FROM are tested in it from now on: *query becomes the one
// that does so (plan_push.c).
int plan_push(struct planner *planner, int range, struct conjuncts *conjuncts, const struct query **query);
// Notes for EXPLAIN that the node tests it.
int node_add_condition(struct planner *planner, struct plan_node *plan_node, struct node *node);
int node_slots(struct planner *planner, struct plan_node *node, range_set ranges);
int slots_of(struct planner *planner, range_set ranges, struct slot **slots, int *slot_count);

// --- Estimates (plan_estimate.c), by samples of the tables

struct known *known_new(struct planner *planner); // one a range; NULL: out of memory
double estimate_table_rows(struct planner *planner, int range);
// The part of the table's rows for which all of them hold.
double estimate_part(struct planner *planner, int range, struct node *const *conditions, int count);
// How many different combinations of values the columns have in the table.
double estimate_distinct(struct planner *planner, int range, const int *columns, int count);
// Of two expressions that are compared for equality: the part of all pairs of rows that agree in all of them.
double estimate_equal(struct planner *planner, const struct node *const *left, const struct node *const *right, int count);

// An order that rows are wanted in: columns of one range.
struct wanted_order {
  int range;
  int count;
  struct {
    int column;
    bool is_descending, nulls_first;
  } keys[8];
  double limit;       // rows wanted at most; 0: all
  bool is_for_groups; // without it rows are hashed, which is cheap, not sorted
};
// The best way to the rows of a table, under the conjuncts that read `available` ranges and this one. The conjuncts
// that it tests are marked. *ordered: the wanted order is met. *keyed: a condition on a key reads one of `joined`.
struct access {
  struct plan_node *node;
  bool is_ordered, is_keyed;
};
int plan_access(struct planner *planner, int range, struct conjuncts *conjuncts, range_set own, range_set available,
                range_set joined, const struct wanted_order *order, struct access *access);
// The rows of FROM under the conjuncts; those that stay untested are left unmarked.
int plan_from(struct planner *planner, const struct join *join, struct conjuncts *conjuncts, range_set own,
              range_set available, const struct wanted_order *order, bool *is_ordered, struct plan_node **node);
// The number of the relation's index expression that this node over the range is, as of a column; -1: it is none.
int relation_expression_of(const struct relation *relation, const struct node *node, int range);
// imply.c: does it follow from the clauses over this range (all of them hold) that the other, over a row, holds too?
bool clauses_imply(struct node *const *clauses, int count, int range, const struct node *wanted);
int plan_query(struct planner *planner, const struct query *query, struct plan_node **node);
// IN (SELECT …) among the conjuncts becomes an item of FROM (plan_in.c).
int plan_in_reserve(struct planner *planner);
int plan_in(struct planner *planner, struct conjuncts *conjuncts, range_set own, struct join **from);
// Hashes the rows of a correlated query, if that is better than *node, which is its plan without it (plan_lookup.c).
int plan_lookup(struct planner *planner, const struct query *query, range_set own, struct plan_node **node);
// The rows of a RANGE_SET, as rows of target values.
int plan_set_operation(struct planner *planner, int range, struct plan_node **node);
// Is the query nothing but its set operation, in some order?
bool is_bare_set(const struct planner *planner, const struct query *query);
int plan_aggregate_call(struct planner *planner, const struct aggregate_call *call, struct plan_aggregate *aggregate,
                        struct plan_aggregate_call *made);
// What the query's window functions say, on top of its rows.
int plan_windows(struct planner *planner, const struct query *query, struct plan_node **node);
// The rows that functions in the select list give, on top of that.
int plan_expansions(struct planner *planner, const struct query *query, struct plan_node **node);
int plan_function_range(struct planner *planner, int range, struct plan_node **node);
int plan_modification(struct planner *planner);
void plan_find_short(struct planner *planner);
static inline bool type_is_integer(enum type_id type)
{
  return type == TYPE_INT2 || type == TYPE_INT4 || type == TYPE_INT8;
}
// Comparison that an operator's function stands for.
bool function_comparison(const struct function *function, enum comparison *comparison);
enum comparison comparison_turned(enum comparison comparison); // with its sides swapped

// For EXPLAIN: PostgreSQL's form of an expression.
void node_deparse(const struct plan *plan, const struct node *node, bool qualified, struct buffer *out);
// An expression of a definition over the relation's row, as PostgreSQL shows it. NULL: out of memory.
const char *node_deparse_row(const struct relation *relation, const struct node *node, struct arena *arena);
void name_deparse(const char *name, struct buffer *out); // quoted where it must be
