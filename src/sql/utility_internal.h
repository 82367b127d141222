// What the files utility_*.c share; for them alone.
//
// 1. A definition is changed as a copy in input->arena, which catalog_create or catalog_replace then takes.
// 2. Whoever fails leaves undoing to the caller of utility_run: a statement is undone as a whole.
#pragma once

#include "base/limits.h"
#include "base/sqlstate.h"
#include "sql/bind.h"
#include "sql/utility.h"
#include "table/right.h"
#include "table/temporary.h"
#include "table/user_type.h"
#include "table/write.h"

enum {
  LIMIT_INDEXES = 256, // of one table
  LIMIT_WORKFLOW_STATEMENTS = 64,
};

// --- utility.c
// Sets the error with the position of a byte offset in the text (-1: none).
int utility_error(const struct utility_input *input, struct error *error, int32_t location, const char *sqlstate,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
int utility_unsupported(const struct utility_input *input, struct error *error, int32_t location, const char *what);
void utility_notice(const struct utility_input *input, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void utility_warning(const struct utility_input *input, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct name_scope utility_scope(const struct utility_input *input);
// For binding expressions of definitions.
struct bind_input utility_bind(const struct utility_input *input);
// A type's name, for messages.
struct type_shown utility_type_name(const struct utility_input *input, enum type_id id);
void utility_type_format(const struct utility_input *input, struct type type, char *text, int size);
#define UTILITY_TYPE_NAME(input, id) utility_type_name(input, id).text
// As catalog_find with RIGHT_OWN; NULL where the name was missing and that is no error.
int utility_find(const struct utility_input *input, const PgQuery__RangeVar *name, const char *kinds, bool missing_ok,
                 const struct relation **relation, struct error *error);
// With another right than that of the owner, or none.
int utility_find_for(const struct utility_input *input, const PgQuery__RangeVar *name, const char *kinds, uint32_t right,
                     bool missing_ok, const struct relation **relation, struct error *error);
// The same for ALTER, with a copy of the definition that may be changed.
int utility_find_to_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, const char *kinds,
                          const struct relation **relation, struct relation **definition, struct error *error);
// The schema in which a new relation of this name is made.
int utility_schema(const struct utility_input *input, const PgQuery__RangeVar *name, uint32_t *oid,
                   struct error *error);
// The session's schema of temporary relations, made where it is not there. 42501.
int utility_temporary_schema(const struct utility_input *input, uint32_t *oid, struct error *error);
// What ON COMMIT says of the table. 42P16 where it is not temporary.
int table_on_commit(struct relation *definition, PgQuery__OnCommitAction action, struct error *error);
const char *utility_form_kinds(enum statement_form form); // for catalog_find: what the statement is about
bool utility_text_given(const char *text); // protobuf's strings are empty where there is none
// The value of an option (WITH (name = value)) as text; NULL: out of memory or none that can be one.
const char *utility_option_value(struct arena *arena, const PgQuery__Node *value);
const char *utility_string(const PgQuery__Node *node); // "" for what is no string

// --- utility_name.c: the names that PostgreSQL makes up
struct name_maker {
  const struct utility_input *input;
  uint32_t schema_oid;
  const struct relation *definition; // names within it are taken, too
};
// "table_column_label", with a number where that is taken. Relations, indexes and constraints alike.
void name_make(const struct name_maker *maker, const char *table, const char *columns, const char *label,
               char name[64]);
// The names of columns joined by underscores, as in names of indexes.
void name_columns(const struct relation *relation, const struct key_part *parts, int count, char names[64]);

// --- utility_table.c
int table_create(const struct utility_input *input, const PgQuery__CreateStmt *create, struct error *error);
// A definition from columns and constraints, in the arena: name, schema and kind are set by the caller.
int table_elements(const struct utility_input *input, struct relation *definition, PgQuery__Node **elements,
                   size_t count, struct error *error);
int table_column(const struct utility_input *input, struct relation *definition, const PgQuery__ColumnDef *column,
                 struct error *error);
int default_check_type(const struct utility_input *input, const struct column *column, const struct node *node,
                       struct error *error); // 42804
bool column_draws(const PgQuery__ColumnDef *column); // serial, or an identity
int table_column_sequence(const struct utility_input *input, struct relation *definition,
                          const PgQuery__ColumnDef *column, struct error *error);
// Storage parameters that PostgreSQL knows: taken, and without meaning here. 22023 for others.
int table_storage_options(const struct utility_input *input, PgQuery__Node **options, size_t count,
                          struct error *error);
int table_default(const struct utility_input *input, struct relation *definition, int column, const PgQuery__Node *tree,
                  struct error *error);
bool table_grow(const struct utility_input *input, struct relation *definition,
                int columns); // false: out of memory, not said

// --- utility_constraint.c
int constraint_add_key(const struct utility_input *input, struct relation *definition,
                       const PgQuery__Constraint *constraint, const char *column,
                       struct error *error); // PRIMARY KEY, UNIQUE; column: of a column's own, or NULL
int constraint_add_check(const struct utility_input *input, struct relation *definition,
                         const PgQuery__Constraint *constraint, struct error *error);
int constraint_refuse(const struct utility_input *input, const PgQuery__Constraint *constraint, struct error *error);
int definition_add_index(const struct utility_input *input, struct relation *definition, const struct index *index,
                         struct error *error);

// --- utility_foreign.c
// The column's constraint of this number with the attributes that stand behind it (DEFERRABLE, INITIALLY …).
int constraint_of_column(const struct utility_input *input, const PgQuery__ColumnDef *column, size_t number,
                         PgQuery__Constraint *merged, struct error *error);
// To a definition that is stored already. column: of a column's own, or NULL.
int foreign_key_add(const struct utility_input *input, struct relation *definition,
                    const PgQuery__Constraint *constraint, const char *column, struct error *error);
// Those of CREATE TABLE, for the table that was just made.
int foreign_keys_create(const struct utility_input *input, const struct relation *made, PgQuery__Node **elements,
                        size_t count, struct error *error);
// 42804 where its columns cannot be compared.
int foreign_key_check_types(const struct utility_input *input, const struct relation *child,
                            const struct relation *parent, const struct foreign_key *key, struct error *error);
int foreign_key_alter(struct relation *definition, const PgQuery__Constraint *command, struct error *error);
int foreign_key_validate(const struct utility_input *input, struct relation *definition, const char *name,
                         struct error *error);
int constraints_set(const struct utility_input *input, const PgQuery__ConstraintsSetStmt *set, struct error *error);

// --- utility_sequence.c
int sequence_create(const struct utility_input *input, const PgQuery__CreateSeqStmt *create, struct error *error);
int sequence_alter(const struct utility_input *input, const PgQuery__AlterSeqStmt *statement, struct error *error);
// TRUNCATE … RESTART IDENTITY.
int sequence_restart(const struct utility_input *input, const struct relation *sequence, struct error *error);
// The sequence of a serial or identity column, and the default that draws from it. It has no owner until the table is
// there: sequence_give_owner.
int sequence_for_column(const struct utility_input *input, struct relation *table, int column, PgQuery__Node **list,
                        size_t count, struct error *error);
// The same of an identity column that is LIKE another one, which draws from the other sequence.
int sequence_like(const struct utility_input *input, struct relation *table, int column, const struct relation *other,
                  struct error *error);
int sequence_give_owner(const struct utility_input *input, const struct relation *table, int column, struct error *error);
uint32_t sequence_of_default(const char *text); // 0: it is not just one number of a sequence
int sequence_default_text(const struct utility_input *input, const char **text, struct error *error);
int identity_check(struct type type, uint32_t domain, struct error *error); // 22023: it cannot be one of this type
int identity_add(const struct utility_input *input, struct relation *definition, int column,
                 const PgQuery__Constraint *constraint, struct error *error);
// ADD GENERATED, SET GENERATED and options, DROP IDENTITY.
int identity_alter(const struct utility_input *input, struct relation *definition, int column,
                   const PgQuery__AlterTableCmd *command, const struct relation **relation, struct error *error);

// --- utility_alter.c
// Stores the definition; *relation becomes what is stored now.
int definition_store(const struct utility_input *input, struct relation *definition, const struct relation **relation,
                     struct error *error);
// A walk over the rows that are there, for what is to hold of them or become of them.
struct row_walk {
  const struct utility_input *input;
  const struct relation *relation; // whose rows
  struct relation *to;             // where they go; NULL: they stay
  const struct constraint *check;  // ADD CHECK
  const struct program *program;   // makes the column's new value
  int column;                      // SET NOT NULL, ADD COLUMN, TYPE
  struct value *values;            // one more than columns
  struct error *error;
};
int row_walk_run(struct row_walk *walk, int (*visit)(const struct row_walk *walk));
struct evaluation row_evaluation(const struct row_walk *walk, struct value *const *ranges);
int row_walk_check(const struct row_walk *walk); // 23514
int row_walk_null(const struct row_walk *walk); // 23502: the column holds a NULL
int row_walk_insert(const struct row_walk *walk); // the values, into the table's new form
int table_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error);
int index_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error);
int relation_rename(const struct utility_input *input, const PgQuery__RenameStmt *rename, const char **tag,
                    struct error *error);

// --- utility_type.c, utility_domain.c
const char *type_tag(const PgQuery__Node *node); // NULL: the statement is not about types made by users
int type_run(const struct utility_input *input, struct error *error);
// Text for a definition: types made by users in it stand by their numbers.
int types_numbered(const struct utility_input *input, bool is_query, const char **text, struct error *error);
// What needs these types and is none of `going` makes an error, or goes with them; a line for each is appended to lines.
int type_release(const struct utility_input *input, const struct relation *const *going, int count, int type,
                 bool cascade, struct buffer *lines, struct error *error);
int domain_create(const struct utility_input *input, const PgQuery__CreateDomainStmt *create, struct error *error);
int domain_alter(const struct utility_input *input, const PgQuery__AlterDomainStmt *alter, struct error *error);
int domain_rename_constraint(const struct utility_input *input, const PgQuery__RenameStmt *rename, struct error *error);
// --- utility_composite.c
int composite_create(const struct utility_input *input, const PgQuery__CompositeTypeStmt *create, struct error *error);
int composite_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error);
int composite_rename_attribute(const struct utility_input *input, const PgQuery__RenameStmt *rename, struct error *error);
// May a column have the type, as far as that is one of rows? 0A000, 54000.
int composite_check(const struct utility_input *input, const char *column, enum type_id id, struct error *error);
// A line for each attribute of the composite type that needs the type; with cascade they go.
int composite_release(const struct utility_input *input, const struct relation *type, const struct relation *composite,
                      bool cascade, struct buffer *lines, struct error *error);

// --- utility_type.c
// Moves the table's rows into a fresh tree: visit inserts what becomes of each.
int type_move_rows(struct row_walk *walk, const struct relation *table, int (*visit)(const struct row_walk *walk));
// Do the definition's expressions still mean something? what: the thing that has another name, for the error's detail.
int type_check_texts(const struct utility_input *input, const struct relation *relation, const char *what,
                     struct error *error);
// By the names of a list, or of a type's. kind: 42809 where it is another; 0: any.
int type_find(const struct utility_input *input, PgQuery__Node *const *names, size_t count, enum type_kind kind,
              bool missing_ok, const struct relation **type, struct error *error);
// A new one: kind, schema and name are set, and the owner.
int type_define(const struct utility_input *input, PgQuery__Node *const *names, size_t count, enum type_kind kind,
                struct relation **definition, struct error *error);
// Calls for each table with rows that has columns of the type, or of domains over it.
int type_walk_tables(const struct utility_input *input, uint32_t type, void *context,
                     int (*visit)(void *context, const struct relation *table), struct error *error);

// --- utility_column.c
int column_drop_cascade(const struct utility_input *input, const struct relation *relation, int number,
                        struct error *error);
int column_find(const struct relation *relation, const char *name, int *number, struct error *error); // 42703
int column_drop(const struct utility_input *input, const PgQuery__AlterTableCmd *command,
                const struct relation **relation, struct error *error);
int column_retype(const struct utility_input *input, struct relation *definition, const PgQuery__AlterTableCmd *command,
                  const struct relation **relation, struct error *error);

// --- utility_using.c
// The index becomes a constraint's; of a primary key, whose tree is the table's, it goes and the rows are to move.
int constraint_use_index(const struct utility_input *input, struct relation *definition,
                         const PgQuery__Constraint *constraint, bool *is_primary, struct error *error);
int constraint_validate(const struct utility_input *input, struct relation *definition, const char *name,
                        const struct relation *relation, struct error *error); // a check or a foreign key
int table_trigger(const struct relation *relation, const PgQuery__AlterTableCmd *command,
                  struct error *error); // ENABLE, DISABLE TRIGGER: there are none

// --- utility_generated.c: generated columns
const PgQuery__Constraint *generated_of(const PgQuery__ColumnDef *column); // NULL: it is none
// Gives the column, which is in the definition and marked as generated, its expression.
int generated_add(const struct utility_input *input, struct relation *definition, const PgQuery__ColumnDef *column,
                  struct error *error);
int generated_check(const struct utility_input *input, const struct relation *definition, const struct node *node,
                    struct error *error); // 42P17 where it reads a generated column
// ALTER COLUMN … DROP EXPRESSION.
int generated_drop(const struct utility_input *input, struct relation *definition, const PgQuery__AlterTableCmd *command,
                   const struct relation **relation, struct error *error);
// What a foreign key may not do to columns that follow from others. 42601, 42P17.
int generated_check_key(const struct relation *definition, const struct foreign_key *key, struct error *error);
// Is it a generated column that reads the other one?
bool generated_reads(const struct relation *relation, int generated, int column);

// --- utility_expression.c
struct defined {
  const char *text, *shown; // in input->arena
  const struct node *node;  // over the row
  struct type type;
};
// Binds what must hang on the row alone; defined->type is that of what has none of its own. 42P17 where a function of it does not.
int definition_expression(const struct utility_input *input, const struct relation *definition, const PgQuery__Node *tree,
                          enum expression_place place, struct defined *defined, struct error *error);
// Adds it to the expressions of the definition's indexes, or finds it there: its number, as of a column.
int definition_add_expression(const struct utility_input *input, struct relation *definition, const struct defined *defined,
                              const char *name, uint16_t *number, struct error *error);
// Another column's name or type: expressions of indexes and of generated columns are bound anew. 42P17 where one is not pure any more.
int expressions_bind(const struct utility_input *input, struct relation *definition, struct error *error);

// --- utility_index.c
int index_type_check(const struct utility_input *input, enum type_id type, struct error *error); // 42704 for a type that has no order
int index_create(const struct utility_input *input, const PgQuery__IndexStmt *create, struct error *error);

// --- utility_drop.c
int relations_drop(const struct utility_input *input, const PgQuery__DropStmt *drop, struct error *error);
// Foreign keys that need the index (what: as in messages) go, with a notice, or are in its way. *relation becomes what is
// stored then.
int drop_needing(const struct utility_input *input, const struct relation **relation, const struct index *index,
                 const char *what, bool cascade, struct error *error);
// A line for each object that went along, as one notice.
void drop_notice(const struct utility_input *input, struct buffer *dropped);
// With all that depends on it; a notice tells what went.
int drop_with_notice(const struct utility_input *input, const struct relation *relation, struct error *error);
int tables_truncate(const struct utility_input *input, const PgQuery__TruncateStmt *truncate, struct error *error);

// --- utility_source.c
int source_create(const struct utility_input *input, const PgQuery__CreateStmt *create, struct error *error);
int source_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error);
// Adds the options to the definition's, or replaces those that it has. `state` is set.
int definition_options(const struct utility_input *input, struct relation *definition, PgQuery__Node **options,
                       size_t count, struct error *error);

// --- utility_sink.c
int sink_create(const struct utility_input *input, const PgQuery__CreateTableAsStmt *create, struct error *error);
int sink_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error);
// Does its SELECT still give its columns?
int sink_check(const struct utility_input *input, const struct relation *sink, struct error *error);

// --- utility_table_as.c
int table_create_as(const struct utility_input *input, const PgQuery__CreateTableAsStmt *tree, const char **tag,
                    struct error *error);
int table_select_into(const struct utility_input *input, const PgQuery__SelectStmt *tree, const char **tag,
                      struct error *error);

// --- utility_like.c
int like_column_count(const struct utility_input *input, const PgQuery__TableLikeClause *like, int *count,
                      struct error *error);
// Appends the columns, for which there is room; then, when all columns are there, the constraints and indexes.
int like_columns(const struct utility_input *input, struct relation *definition, const PgQuery__TableLikeClause *like,
                 struct error *error);
int like_constraints(const struct utility_input *input, struct relation *definition, const PgQuery__TableLikeClause *like,
                     struct error *error);

// --- utility_comment.c
int comment_on(const struct utility_input *input, const PgQuery__CommentStmt *tree, struct error *error);

// --- utility_schema.c
int schema_create(const struct utility_input *input, const PgQuery__CreateSchemaStmt *create, struct error *error);
// One schema, with what is in it where cascade says so.
int schema_drop(const struct utility_input *input, uint32_t oid, const char *name, bool cascade, struct error *error);
int schemas_drop(const struct utility_input *input, const PgQuery__DropStmt *drop, struct error *error);
int schema_change_owner(const struct utility_input *input, const PgQuery__AlterOwnerStmt *alter, struct error *error);
int schema_rename(const struct utility_input *input, const PgQuery__RenameStmt *rename, struct error *error);
int relation_set_schema(const struct utility_input *input, const PgQuery__AlterObjectSchemaStmt *alter,
                        struct error *error);

// --- utility_view.c
// The names that a statement gives the columns of its query, as far as there are some.
struct query_names {
  PgQuery__Node **names;
  size_t count;
  const char *too_many; // the error when there are more than columns
};
int query_columns(const struct utility_input *input, struct relation *definition, const struct statement *statement,
                  const struct query_names *names, struct error *error);
struct view_change; // sql/view.h
int view_create(const struct utility_input *input, const PgQuery__ViewStmt *create, struct error *error);
int view_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error);
int view_rename_column(struct relation *definition, const PgQuery__RenameStmt *rename, struct error *error);
int view_follow(const struct utility_input *input, const struct relation *view, const struct view_change *change,
                struct error *error);
// Changes the texts of the views that name this relation.
int views_follow(const struct utility_input *input, uint32_t referenced, const struct view_change *change,
                 struct error *error);
// The next view (start with *after = 0; NULL behind the last) that names the relation and reads this column of it.
int views_needing(const struct utility_input *input, uint32_t referenced, int column, uint32_t *after,
                  const struct relation **view, struct error *error);

// --- utility_role.c
int role_make(const struct utility_input *input, const PgQuery__CreateRoleStmt *create, struct error *error);
int role_alter(const struct utility_input *input, const PgQuery__AlterRoleStmt *alter, struct error *error);
int role_set(const struct utility_input *input, const PgQuery__AlterRoleSetStmt *set, struct error *error);
int database_set(const struct utility_input *input, const PgQuery__AlterDatabaseSetStmt *set, struct error *error);
// Who runs the statement, as he is now.
int role_current(const struct utility_input *input, struct role *role, struct error *error);
int role_rename(const struct utility_input *input, const PgQuery__RenameStmt *rename, struct error *error);
int roles_drop(const struct utility_input *input, const PgQuery__DropRoleStmt *drop, struct error *error);
int role_grant(const struct utility_input *input, const PgQuery__GrantRoleStmt *grant, struct error *error);
// The role that is meant: by name, or CURRENT_USER and the like. 42704.
int role_of_spec(const struct utility_input *input, const PgQuery__RoleSpec *spec, struct role *role,
                 struct error *error);

// --- utility_grant.c
int rights_grant(const struct utility_input *input, const PgQuery__GrantStmt *grant, struct error *error);
int rights_by_default(const struct utility_input *input, const PgQuery__AlterDefaultPrivilegesStmt *tree,
                      struct error *error);
// OWNER TO.
int relation_change_owner(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, const char *kinds,
                          struct error *error);
int relation_give(const struct utility_input *input, const struct relation *relation, const PgQuery__RoleSpec *spec,
                  struct error *error);
int owned_reassign(const struct utility_input *input, const PgQuery__ReassignOwnedStmt *reassign, struct error *error);
int owned_drop(const struct utility_input *input, const PgQuery__DropOwnedStmt *drop, struct error *error);
// What a source reads, or a sink writes, outside of the engine is for those who may: 42501.
int connector_require(const struct utility_input *input, const struct relation *definition, struct error *error);
// A line for each thing that the role owns, or has rights on.
int role_dependents(const struct utility_input *input, uint32_t role, struct buffer *lines, struct error *error);

// --- utility_workflow.c
// Statements that a source drives. is_query: one SELECT, of a sink; otherwise a workflow's changes.
struct body {
  const struct parsed *statements;
  int count;
  struct bytes text; // for positions
  const struct relation *source;
  bool is_query;
};
// Finds the source that drives them.
int body_find_driver(const struct utility_input *input, struct body *body, struct error *error);
// Binds one of them; release it with statement_release.
int body_bind_one(const struct utility_input *input, const struct body *body, int number, struct statement **statement,
                  struct error *error);
// What the statement reads becomes dependencies of the definition, behind its source.
int body_depend(const struct utility_input *input, struct relation *definition, const struct statement *statement,
                struct error *error);
int workflow_create(const struct utility_input *input, const PgQuery__CreateFunctionStmt *create, struct error *error);
int workflow_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error);
// --- utility_feedback.c
// 42P16 when what the workflow (definition with its dependencies, text in input->parsed) inserts would come back to origin.
int workflow_feedback(const struct utility_input *input, const struct relation *definition,
                      const struct relation *origin, struct error *error);
// Do the workflows and sinks that depend on this relation still bind? 2BP01 naming those that do not.
int workflows_check(const struct utility_input *input, const struct relation *relation, struct error *error);
