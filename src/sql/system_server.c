// pg_catalog's tables about the server: the database, settings; and those that stay empty,
// since Quern does not have what they list.
#include <stdio.h>

#include "data/interval.h"
#include "sql/system_internal.h"
#include "table/comment.h"
#include "table/namespace.h"
#include "table/right.h"

#define ROWS(name) \
  static int name(const struct system_table *table, struct system_context *context, struct row_sink *sink, \
                  struct error *error)
// One row of values, for tables that have one.
#define ADD(...) system_add(table, sink, (const struct value[]){__VA_ARGS__}, error)

// --- The database, schemas -----------------------------------------------------------------------------

static const struct system_column database_columns[] = {
    C_OID("oid"),           C_NAME("datname"),        C_OID("datdba"),
    C_INT4("encoding"),     C_CHAR("datlocprovider"), C_BOOL("datistemplate"),
    C_BOOL("datallowconn"), C_INT4("datconnlimit"),   C_OID("datfrozenxid"),
    C_OID("datminmxid"),    C_OID("dattablespace"),   C_TEXT("datcollate"),
    C_TEXT("datctype"),     C_TEXT("daticulocale"),   C_TEXT("datcollversion"),
    C_ARRAY("datacl"),
};

ROWS(database_rows)
{
  return ADD(number(OID_DATABASE), value_string(context->settings->database), number(ROLE_OWNER), number(6),
             value_string("c"), truth(false), truth(true), number(-1), number(0), number(0), number(OID_TABLESPACE),
             value_string("C.UTF-8"), value_string("C.UTF-8"), value_null(), value_null(), value_null());
}

static const struct system_column namespace_columns[] = {C_OID("oid"), C_NAME("nspname"), C_OID("nspowner"),
                                                         C_ARRAY("nspacl")};

ROWS(namespace_rows)
{
  uint32_t oid = 0;
  const char *name;
  int status = 0;
  struct right_object object;
  while (!status && namespace_next(context->catalog, context->version, &oid, &name)) {
    if (!right_object_find(context->version, CLASS_SCHEMA, oid, sink->arena, &object))
      return error_memory(error);
    status = ADD(number(oid), value_string(name), number(object.owner),
                 system_acl(context, sink, object.acl, -1));
  }
  return status;
}

// --- Access methods, collations, tablespaces, languages -----------------------------------------------------------

static const struct system_column method_columns[] = {C_OID("oid"), C_NAME("amname"), C_TEXT("amhandler"),
                                                      C_CHAR("amtype")};

ROWS(method_rows)
{
  int status = ADD(number(OID_HEAP), value_string("heap"), value_string("heap_tableam_handler"), value_string("t"));
  return status ? status : ADD(number(OID_BTREE), value_string("btree"), value_string("bthandler"), value_string("i"));
}

static const struct system_column collation_columns[] = {
    C_OID("oid"),           C_NAME("collname"),
    C_OID("collnamespace"), C_OID("collowner"),
    C_CHAR("collprovider"), C_BOOL("collisdeterministic"),
    C_INT4("collencoding"), C_TEXT("collcollate"),
    C_TEXT("collctype"),    C_TEXT("colliculocale"),
    C_TEXT("collversion"),
};

ROWS(collation_rows)
{
  int status = ADD(number(OID_COLLATION), value_string("default"), number(SCHEMA_PG_CATALOG), number(ROLE_OWNER),
                   value_string("d"), truth(true), number(-1), value_null(), value_null(), value_null(), value_null());
  if (!status)
    status = ADD(number(OID_COLLATION_C), value_string("C"), number(SCHEMA_PG_CATALOG), number(ROLE_OWNER),
                 value_string("c"), truth(true), number(-1), value_string("C"), value_string("C"), value_null(),
                 value_null());
  return status;
}

static const struct system_column tablespace_columns[] = {C_OID("oid"), C_NAME("spcname"), C_OID("spcowner"),
                                                          C_ARRAY("spcacl"), C_ARRAY("spcoptions")};

ROWS(tablespace_rows)
{
  return ADD(number(OID_TABLESPACE), value_string("pg_default"), number(ROLE_OWNER), value_null(), value_null());
}

static const struct system_column language_columns[] = {C_OID("oid"), C_NAME("lanname"), C_OID("lanowner"),
                                                        C_BOOL("lanispl"), C_BOOL("lanpltrusted"),
                                                        C_OID("lanplcallfoid"), C_OID("laninline"),
                                                        C_OID("lanvalidator"), C_ARRAY("lanacl")};

ROWS(language_rows)
{
  return ADD(number(12), value_string("internal"), number(ROLE_OWNER), truth(false), truth(false), number(0),
             number(0), number(0), value_null());
}

// --- Settings and sessions ------------------------------------------------------------------------------------

static const struct system_column setting_columns[] = {
    C_TEXT("name"),       C_TEXT("setting"),         C_TEXT("unit"),     C_TEXT("category"),  C_TEXT("short_desc"),
    C_TEXT("extra_desc"), C_TEXT("context"),         C_TEXT("vartype"),  C_TEXT("source"),    C_TEXT("min_val"),
    C_TEXT("max_val"),    C_ARRAY("enumvals"),       C_TEXT("boot_val"), C_TEXT("reset_val"), C_TEXT("sourcefile"),
    C_INT4("sourceline"), C_BOOL("pending_restart"),
};

// The words of a list as text[].
static struct value words_value(struct row_sink *sink, const char *words)
{
  struct buffer text = {0};
  if (!words)
    return value_null();
  buffer_append_u8(&text, '{');
  for (const char *at = words; *at;) { // each in quotes: some have blanks
    size_t size = strcspn(at, ",");
    buffer_append_string(&text, at == words ? "\"" : ",\"");
    buffer_append(&text, at, size);
    buffer_append_u8(&text, '"');
    at += size + (at[size] == ',');
  }
  buffer_append_u8(&text, '}');
  struct value value = system_array(sink, TYPE_TEXT_ARRAY, &text);
  buffer_deinit(&text);
  return value;
}

static int setting_row(const struct system_table *table, struct system_context *context, int index,
                       const struct settings *fresh, struct row_sink *sink, struct error *error)
{
  char now[256], begin[256];
  struct setting_facts facts;
  settings_facts(index, &facts);
  const struct setting_text *text = settings_text(settings_name(index));
  const char *value = settings_raw(context->settings, index, now, sizeof now);
  const char *initial = settings_raw(fresh, index, begin, sizeof begin);
  bool is_changed = strcmp(value, initial) != 0;
  return ADD(value_string(settings_name(index)), text_or_null(value), text_or_null(facts.unit),
             value_string(text ? text->category : "Ungrouped"), value_string(text ? text->description : ""), value_null(),
             value_string(facts.is_fixed ? "internal" : "user"), value_string(facts.type),
             value_string(is_changed ? "session" : "default"),
             facts.has_range ? system_text(sink, "%d", facts.low) : value_null(),
             facts.has_range ? system_text(sink, "%d", facts.high) : value_null(), words_value(sink, facts.words),
             value_string(initial), value_string(initial), value_null(), value_null(), truth(false));
}

ROWS(setting_rows)
{
  int status = 0;
  struct settings fresh;
  settings_init(&fresh);
  for (int i = 0; !status && settings_name(i); i++)
    status = setting_row(table, context, i, &fresh, sink, error);
  return status;
}

static const struct system_column activity_columns[] = {
    C_OID("datid"),
    C_NAME("datname"),
    C_INT4("pid"),
    C_INT4("leader_pid"),
    C_OID("usesysid"),
    C_NAME("usename"),
    C_TEXT("application_name"),
    C_TEXT("client_addr"),
    C_TEXT("client_hostname"),
    C_INT4("client_port"),
    C_TIME("backend_start"),
    C_TIME("xact_start"),
    C_TIME("query_start"),
    C_TIME("state_change"),
    C_TEXT("wait_event_type"),
    C_TEXT("wait_event"),
    C_TEXT("state"),
    C_OID("backend_xid"),
    C_OID("backend_xmin"),
    C_INT8("query_id"),
    C_TEXT("query"),
    C_TEXT("backend_type"),
};

static const struct system_column cursor_columns[] = {
    C_TEXT("name"),      C_TEXT("statement"),     C_BOOL("is_holdable"),
    C_BOOL("is_binary"), C_BOOL("is_scrollable"), C_TIME("creation_time"),
};

static const struct system_column prepared_columns[] = {
    C_TEXT("name"),     C_TEXT("statement"),     C_TIME("prepare_time"), C_ARRAY("parameter_types"),
    C_BOOL("from_sql"), C_INT8("generic_plans"), C_INT8("custom_plans"),
};

// --- What Quern does not have ---------------------------------------------------------------------------------

static const struct system_column description_columns[] = {C_OID("objoid"), C_OID("classoid"), C_INT4("objsubid"),
                                                           C_TEXT("description")};
static bool is_shared(const struct comment *comment)
{
  return comment->class == COMMENT_DATABASE || comment->class == COMMENT_ROLE;
}

ROWS(description_rows)
{
  int status = 0;
  for (struct comment at = {0}; !status && comment_next(context->version, &at);)
    if (!is_shared(&at))
      status = ADD(number(at.oid), number(at.class), number(at.column),
                   value_bytes(at.text.data, (uint32_t)at.text.size));
  return status;
}

static const struct system_column shared_description_columns[] = {C_OID("objoid"), C_OID("classoid"),
                                                                  C_TEXT("description")};
ROWS(shared_description_rows)
{
  int status = 0;
  for (struct comment at = {0}; !status && comment_next(context->version, &at);)
    if (is_shared(&at))
      status = ADD(number(at.oid), number(at.class), value_bytes(at.text.data, (uint32_t)at.text.size));
  return status;
}

static const struct system_column inherits_columns[] = {C_OID("inhrelid"), C_OID("inhparent"), C_INT4("inhseqno"),
                                                        C_BOOL("inhdetachpending")};
static const struct system_column policy_columns[] = {C_OID("oid"),      C_NAME("polname"),       C_OID("polrelid"),
                                                      C_CHAR("polcmd"),  C_BOOL("polpermissive"), {"polroles", TYPE_OID_ARRAY},
                                                      C_TEXT("polqual"), C_TEXT("polwithcheck")};
static const struct system_column trigger_columns[] = {
    C_OID("oid"),
    C_OID("tgrelid"),
    C_OID("tgparentid"),
    C_NAME("tgname"),
    C_OID("tgfoid"),
    C_INT2("tgtype"),
    C_CHAR("tgenabled"),
    C_BOOL("tgisinternal"),
    C_OID("tgconstrrelid"),
    C_OID("tgconstrindid"),
    C_OID("tgconstraint"),
    C_BOOL("tgdeferrable"),
    C_BOOL("tginitdeferred"),
    C_INT2("tgnargs"),
    C_TEXT("tgattr"),
    C_TEXT("tgargs"),
    C_TEXT("tgqual"),
    C_NAME("tgoldtable"),
    C_NAME("tgnewtable"),
};
static const struct system_column statistic_columns[] = {
    C_OID("oid"),          C_OID("stxrelid"),  C_NAME("stxname"),
    C_OID("stxnamespace"), C_OID("stxowner"),  C_INT4("stxstattarget"),
    C_TEXT("stxkeys"),     C_ARRAY("stxkind"), C_TEXT("stxexprs"),
};
static const struct system_column publication_columns[] = {
    C_OID("oid"),        C_NAME("pubname"),   C_OID("pubowner"),     C_BOOL("puballtables"), C_BOOL("pubinsert"),
    C_BOOL("pubupdate"), C_BOOL("pubdelete"), C_BOOL("pubtruncate"), C_BOOL("pubviaroot"),
};
static const struct system_column publication_rel_columns[] = {C_OID("oid"), C_OID("prpubid"), C_OID("prrelid"),
                                                               C_TEXT("prqual"), {"prattrs", TYPE_INT2_ARRAY}};
static const struct system_column publication_namespace_columns[] = {C_OID("oid"), C_OID("pnpubid"), C_OID("pnnspid")};
static const struct system_column foreign_table_columns[] = {C_OID("ftrelid"), C_OID("ftserver"), C_ARRAY("ftoptions")};
static const struct system_column foreign_server_columns[] = {
    C_OID("oid"),      C_NAME("srvname"),    C_OID("srvowner"), C_OID("srvfdw"),
    C_TEXT("srvtype"), C_TEXT("srvversion"), C_ARRAY("srvacl"), C_ARRAY("srvoptions"),
};
static const struct system_column rewrite_columns[] = {
    C_OID("oid"),         C_NAME("rulename"),   C_OID("ev_class"), C_CHAR("ev_type"),
    C_CHAR("ev_enabled"), C_BOOL("is_instead"), C_TEXT("ev_qual"), C_TEXT("ev_action"),
};
static const struct system_column range_columns[] = {C_OID("rngtypid"),     C_OID("rngsubtype"), C_OID("rngmultitypid"),
                                                     C_OID("rngcollation"), C_OID("rngsubopc"),  C_TEXT("rngcanonical"),
                                                     C_TEXT("rngsubdiff")};
static const struct system_column extension_columns[] = {
    C_OID("oid"),          C_NAME("extname"),        C_OID("extowner"),
    C_OID("extnamespace"), C_BOOL("extrelocatable"), C_TEXT("extversion"),
    C_ARRAY("extconfig"),  C_ARRAY("extcondition"),
};
static const struct system_column event_trigger_columns[] = {C_OID("oid"),      C_NAME("evtname"), C_NAME("evtevent"),
                                                             C_OID("evtowner"), C_OID("evtfoid"),  C_CHAR("evtenabled"),
                                                             C_ARRAY("evttags")};
static const struct system_column conversion_columns[] = {
    C_OID("oid"), C_NAME("conname"), C_OID("connamespace"), C_OID("conowner"), C_INT4("conforencoding"),
    C_INT4("contoencoding"), C_OID("conproc"), C_BOOL("condefault"),
};
static const struct system_column text_config_columns[] = {
    C_OID("oid"), C_NAME("cfgname"), C_OID("cfgnamespace"), C_OID("cfgowner"), C_OID("cfgparser"),
};
static const struct system_column text_dictionary_columns[] = {
    C_OID("oid"), C_NAME("dictname"), C_OID("dictnamespace"), C_OID("dictowner"), C_OID("dicttemplate"),
    C_TEXT("dictinitoption"),
};
static const struct system_column text_parser_columns[] = {
    C_OID("oid"), C_NAME("prsname"), C_OID("prsnamespace"), C_OID("prsstart"), C_OID("prstoken"),
    C_OID("prsend"), C_OID("prsheadline"), C_OID("prslextype"),
};
static const struct system_column text_template_columns[] = {
    C_OID("oid"), C_NAME("tmplname"), C_OID("tmplnamespace"), C_OID("tmplinit"), C_OID("tmpllexize"),
};
static const struct system_column operator_class_columns[] = {
    C_OID("oid"), C_OID("opcmethod"), C_NAME("opcname"), C_OID("opcnamespace"), C_OID("opcowner"),
    C_OID("opcfamily"), C_OID("opcintype"), C_BOOL("opcdefault"), C_OID("opckeytype"),
};
static const struct system_column operator_family_columns[] = {
    C_OID("oid"), C_OID("opfmethod"), C_NAME("opfname"), C_OID("opfnamespace"), C_OID("opfowner"),
};
static const struct system_column method_operator_columns[] = {
    C_OID("oid"), C_OID("amopfamily"), C_OID("amoplefttype"), C_OID("amoprighttype"), C_INT2("amopstrategy"),
    C_CHAR("amoppurpose"), C_OID("amopopr"), C_OID("amopmethod"), C_OID("amopsortfamily"),
};
static const struct system_column method_function_columns[] = {
    C_OID("oid"), C_OID("amprocfamily"), C_OID("amproclefttype"), C_OID("amprocrighttype"), C_INT2("amprocnum"),
    C_OID("amproc"),
};
static const struct system_column large_object_columns[] = {
    C_OID("oid"), C_OID("lomowner"), C_ARRAY("lomacl"),
};
static const struct system_column partitioned_columns[] = {
    C_OID("partrelid"),  C_CHAR("partstrat"), C_INT2("partnatts"),     C_OID("partdefid"),
    C_TEXT("partattrs"), C_TEXT("partclass"), C_TEXT("partcollation"), C_TEXT("partexprs"),
};

static const struct system_column zone_columns[] = {C_TEXT("name"), C_TEXT("abbrev"), {"utc_offset", TYPE_INTERVAL},
                                                    C_BOOL("is_dst")};

ROWS(zone_name_rows)
{
  struct zone zone;
  int status = 0;
  for (int i = 0; !status && zone_at(i, &zone); i++) {
    const char *abbreviation;
    struct interval offset = {.microseconds = 1000000 * (int64_t)zone_offset_at(zone, context->now, &abbreviation)};
    struct value interval;
    if (!interval_value(&offset, sink->arena, &interval))
      return error_memory(error);
    status = ADD(value_string(zone_name(zone)), value_string(abbreviation ? abbreviation : ""), interval,
                 truth(zone_is_daylight_at(zone, context->now)));
  }
  return status;
}

#define PG(oid, name, columns, rows) SYSTEM_TABLE(oid, SCHEMA_PG_CATALOG, name, columns, rows)
#define EMPTY(oid, name, columns) PG(oid, name, columns, system_no_rows)

static const struct system_column wrapper_columns[] = {C_OID("oid"),        C_NAME("fdwname"),      C_OID("fdwowner"),
                                                       C_OID("fdwhandler"), C_OID("fdwvalidator"),  C_ARRAY("fdwacl"),
                                                       C_ARRAY("fdwoptions")};
static const struct system_column mapping_columns[] = {C_OID("umid"),   C_OID("srvid"),    C_NAME("srvname"),
                                                       C_OID("umuser"), C_NAME("usename"), C_ARRAY("umoptions")};
static const struct system_column default_right_columns[] = {
    C_OID("oid"), C_OID("defaclrole"), C_OID("defaclnamespace"), C_CHAR("defaclobjtype"), C_ARRAY("defaclacl"),
};

// One row for each schema that its items name, -1: all. The owner's own rights stand in that of all.
static int default_right_row(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                             const struct right_object *object, int schema, struct error *error)
{
  struct value acl = system_acl(context, sink, object->acl, schema);
  if (acl.is_null)
    return 0;
  char kind[2] = {object->class == CLASS_NEW_TABLE ? 'r' : object->class == CLASS_NEW_SEQUENCE ? 'S' : 'n', 0};
  return ADD(number(object->oid), number(object->oid), number(schema < 0 ? 0 : schema),
             system_text(sink, "%s", kind), acl);
}

ROWS(default_right_rows)
{
  static const enum right_class classes[] = {CLASS_NEW_TABLE, CLASS_NEW_SEQUENCE, CLASS_NEW_SCHEMA};
  struct role role;
  int status = 0;
  for (uint32_t oid = 0; !status && role_next(context->version, &oid, &role);)
    for (int i = 0; i < 3 && !status; i++) {
      struct right_object object;
      if (!right_object_find(context->version, classes[i], role.oid, sink->arena, &object))
        return error_memory(error);
      status = default_right_row(table, context, sink, &object, -1, error);
      uint32_t schema = 0;
      const char *name;
      while (!status && namespace_next(context->catalog, context->version, &schema, &name))
        status = default_right_row(table, context, sink, &object, (int)schema, error);
    }
  return status;
}

static const struct system_column subscription_columns[] = {
    C_OID("oid"),          C_OID("subdbid"),     C_OID("subskiplsn"),     C_NAME("subname"),
    C_OID("subowner"),     C_BOOL("subenabled"), C_BOOL("subbinary"),     C_BOOL("substream"),
    C_CHAR("subtwophasestate"), C_BOOL("subdisableonerr"), C_TEXT("subconninfo"), C_NAME("subslotname"),
    C_TEXT("subsynccommit"), C_ARRAY("subpublications"),
};
const struct system_table server_tables[] = {
    PG(1262, "pg_database", database_columns, database_rows),
    PG(2615, "pg_namespace", namespace_columns, namespace_rows),
    PG(2601, "pg_am", method_columns, method_rows),
    PG(3456, "pg_collation", collation_columns, collation_rows),
    PG(1213, "pg_tablespace", tablespace_columns, tablespace_rows),
    PG(2612, "pg_language", language_columns, language_rows),
    PG(12108, "pg_timezone_names", zone_columns, zone_name_rows),
    PG(12104, "pg_settings", setting_columns, setting_rows),
    PG(12222, "pg_stat_activity", activity_columns, system_figures),
    PG(12077, "pg_cursors", cursor_columns, system_figures),
    PG(12086, "pg_prepared_statements", prepared_columns, system_figures),
    PG(2609, "pg_description", description_columns, description_rows),
    PG(2396, "pg_shdescription", shared_description_columns, shared_description_rows),
    EMPTY(2611, "pg_inherits", inherits_columns),
    EMPTY(3256, "pg_policy", policy_columns),
    EMPTY(2620, "pg_trigger", trigger_columns),
    EMPTY(3381, "pg_statistic_ext", statistic_columns),
    EMPTY(6104, "pg_publication", publication_columns),
    EMPTY(2328, "pg_foreign_data_wrapper", wrapper_columns),
    EMPTY(12194, "pg_user_mappings", mapping_columns),
    PG(826, "pg_default_acl", default_right_columns, default_right_rows),
    EMPTY(6100, "pg_subscription", subscription_columns),
    EMPTY(6106, "pg_publication_rel", publication_rel_columns),
    EMPTY(6237, "pg_publication_namespace", publication_namespace_columns),
    EMPTY(3118, "pg_foreign_table", foreign_table_columns),
    EMPTY(1417, "pg_foreign_server", foreign_server_columns),
    EMPTY(2618, "pg_rewrite", rewrite_columns),
    EMPTY(3541, "pg_range", range_columns),
    EMPTY(3079, "pg_extension", extension_columns),
    EMPTY(3466, "pg_event_trigger", event_trigger_columns),
    EMPTY(2607, "pg_conversion", conversion_columns),
    EMPTY(3602, "pg_ts_config", text_config_columns),
    EMPTY(3600, "pg_ts_dict", text_dictionary_columns),
    EMPTY(3601, "pg_ts_parser", text_parser_columns),
    EMPTY(3764, "pg_ts_template", text_template_columns),
    EMPTY(2616, "pg_opclass", operator_class_columns),
    EMPTY(2753, "pg_opfamily", operator_family_columns),
    EMPTY(2602, "pg_amop", method_operator_columns),
    EMPTY(2603, "pg_amproc", method_function_columns),
    EMPTY(2995, "pg_largeobject_metadata", large_object_columns),
    EMPTY(3350, "pg_partitioned_table", partitioned_columns),
    {0},
};
