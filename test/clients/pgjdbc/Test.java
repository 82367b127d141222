// pgjdbc: types, server-prepared statements, batches, fetch size, COPY, savepoints, cancel, notices, DatabaseMetaData.
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PSQLException;

public class Test {
  static final String URL = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
      + System.getenv("PGDATABASE");

  interface Step { void run() throws Exception; }

  static void check(boolean holds, Object shown) {
    if (!holds) throw new AssertionError(String.valueOf(shown));
  }

  static void equal(Object got, Object wanted) {
    check(Objects.equals(got, wanted), got + " is not " + wanted);
  }

  static PSQLException fails(String state, Step step) throws Exception {
    try {
      step.run();
    } catch (PSQLException error) {
      equal(error.getSQLState(), state);
      return error;
    }
    throw new AssertionError("no " + state);
  }

  static Connection connect(String... options) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", System.getenv("PGUSER"));
    properties.setProperty("sslmode", "disable");
    for (int i = 0; i < options.length; i += 2) properties.setProperty(options[i], options[i + 1]);
    return DriverManager.getConnection(URL, properties);
  }

  static void types(Connection c) throws Exception {
    try (PreparedStatement s = c.prepareStatement(
        "select ?::int2, ?::int4, ?::int8, ?::float4, ?::float8, ?::numeric, ?::text, ?::bytea, ?::bool, ?::date,"
        + " ?::timestamp, ?::timestamptz, ?::uuid, ?::int4[], ?::text[], null::int4, ?::time")) {
      UUID uuid = UUID.fromString("12345678-1234-5678-1234-567812345678");
      LocalDateTime moment = LocalDateTime.of(2024, 2, 29, 1, 2, 3, 456789000);
      for (int round = 0; round < 8; round++) { // from the fifth on prepared by the server, and binary
        Object[] values = {7, -2147483648, Long.MAX_VALUE, 1.5f, 0.1, new BigDecimal("12345678901234567890.0123"), "ü '\\\n",
            new byte[] {0, 1, -1}, true, LocalDate.of(2024, 2, 29), moment, moment.atOffset(ZoneOffset.UTC), uuid};
        for (int i = 0; i < values.length; i++) s.setObject(i + 1, values[i]);
        s.setArray(14, c.createArrayOf("int4", new Object[] {1, null, 3}));
        s.setArray(15, c.createArrayOf("text", new Object[] {"a", "b\"", null}));
        s.setObject(16, LocalTime.of(1, 2, 3));
        try (ResultSet r = s.executeQuery()) {
          check(r.next(), "a row");
          equal(r.getInt(1), 7);
          equal(r.getInt(2), values[1]);
          equal(r.getLong(3), values[2]);
          equal(r.getFloat(4), values[3]);
          equal(r.getDouble(5), values[4]);
          equal(r.getBigDecimal(6), values[5]);
          equal(r.getString(7), values[6]);
          check(Arrays.equals(r.getBytes(8), (byte[]) values[7]), "bytes");
          equal(r.getBoolean(9), values[8]);
          equal(r.getObject(10, LocalDate.class), values[9]);
          equal(r.getObject(11, LocalDateTime.class), values[10]);
          equal(r.getObject(12, OffsetDateTime.class), values[11]);
          equal(r.getObject(13), uuid);
          equal(Arrays.asList((Object[]) r.getArray(14).getArray()), Arrays.asList(1, null, 3));
          equal(Arrays.asList((Object[]) r.getArray(15).getArray()), Arrays.asList("a", "b\"", null));
          check(r.getInt(16) == 0 && r.wasNull(), "null");
          equal(r.getObject(17, LocalTime.class), LocalTime.of(1, 2, 3));
        }
      }
      equal(s.getMetaData().getColumnTypeName(6), "numeric");
      equal(s.getParameterMetaData().getParameterCount(), 16);
    }
  }

  static void batches(Connection c) throws Exception {
    try (Statement s = c.createStatement()) {
      s.execute("create table items (id serial primary key, name varchar(20) unique, price numeric(8,2) default 1)");
    }
    try (PreparedStatement s = c.prepareStatement("insert into items (name) values (?)", Statement.RETURN_GENERATED_KEYS)) {
      for (int i = 1; i <= 500; i++) {
        s.setString(1, "n" + i);
        s.addBatch();
      }
      equal(Arrays.stream(s.executeBatch()).sum(), 500);
      try (ResultSet keys = s.getGeneratedKeys()) {
        for (int i = 1; keys.next(); i++) equal(keys.getInt("id"), i);
      }
      s.setString(1, "n7");
      s.addBatch();
      try {
        s.executeBatch();
        throw new AssertionError("no error");
      } catch (BatchUpdateException error) {
        equal(error.getSQLState(), "23505");
        equal(((PSQLException) error.getCause()).getServerErrorMessage().getConstraint(), "items_name_key");
      }
    }
  }

  static void fetches(Connection c) throws Exception {
    c.setAutoCommit(false);
    try (Statement s = c.createStatement()) {
      s.setFetchSize(50);
      int count = 0;
      try (ResultSet r = s.executeQuery("select id from items order by id")) {
        while (r.next()) count++;
      }
      equal(count, 500);
      s.setMaxRows(10);
      try (ResultSet r = s.executeQuery("select id from items")) {
        for (count = 0; r.next();) count++;
      }
      equal(count, 10);
    }
    c.commit();
    c.setAutoCommit(true);
    try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
        ResultSet r = s.executeQuery("select id from items order by id")) {
      check(r.absolute(20) && r.getInt(1) == 20 && r.previous() && r.getInt(1) == 19, "scrolled");
    }
  }

  static void copies(Connection c) throws Exception {
    CopyManager copy = c.unwrap(PGConnection.class).getCopyAPI();
    equal(copy.copyIn("copy items (id, name) from stdin csv", new StringReader("1000,a\n1001,\"b,c\"\n")), 2L);
    StringWriter out = new StringWriter();
    equal(copy.copyOut("copy (select id, name from items where id >= 1000 order by id) to stdout", out), 2L);
    equal(out.toString(), "1000\ta\n1001\tb,c\n");
  }

  static void transactions(Connection c) throws Exception {
    c.setAutoCommit(false);
    c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
    try (Statement s = c.createStatement(); Connection d = connect(); Statement t = d.createStatement()) {
      Savepoint here = c.setSavepoint();
      fails("23505", () -> s.executeUpdate("insert into items (name) values ('n9')"));
      fails("25P02", () -> s.executeQuery("select 1"));
      c.rollback(here);
      c.commit();
      d.setAutoCommit(false);
      d.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
      for (Statement one : List.of(s, t)) one.executeQuery("select sum(price) from items").next();
      s.executeUpdate("update items set price = 2 where id = 1");
      c.commit();
      fails("40001", () -> {
        t.executeUpdate("update items set price = 2 where id = 2");
        d.commit();
      });
      d.rollback();
    }
    c.setReadOnly(true);
    fails("25006", () -> c.createStatement().executeUpdate("delete from items"));
    c.rollback();
    c.setReadOnly(false);
    c.setAutoCommit(true);
  }

  static void messages(Connection c) throws Exception {
    try (Statement s = c.createStatement()) {
      s.execute("drop table if exists nothing_here");
      equal(s.getWarnings().getMessage(), "table \"nothing_here\" does not exist, skipping");
      s.setQueryTimeout(1);
      fails("57014", () -> s.executeQuery("select count(*) from generate_series(1, 1000000000) a"));
      equal(fails("42P01", () -> s.execute("select * from missing")).getServerErrorMessage().getPosition(), 15);
    }
  }

  static List<String> column(ResultSet rows, String name) throws SQLException {
    List<String> values = new ArrayList<>();
    try (rows) {
      while (rows.next()) values.add(rows.getString(name));
    }
    return values;
  }

  // These read a function's rows as values of a composite type.
  static void keys(DatabaseMetaData m) throws Exception {
    equal(column(m.getPrimaryKeys(null, "public", "parts"), "COLUMN_NAME"), List.of("item", "n"));
    equal(column(m.getBestRowIdentifier(null, "public", "parts", DatabaseMetaData.bestRowSession, false), "COLUMN_NAME"),
        List.of("item", "n"));
    equal(column(m.getIndexInfo(null, "public", "parts", false, false), "INDEX_NAME"),
        List.of("parts_pkey", "parts_pkey", "parts_note"));
  }

  static void updatable(Connection c) throws Exception {
    try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_SENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
      s.execute("create table changed (id int primary key, name text); insert into changed values (1, 'a'), (2, 'b')");
      try (ResultSet r = s.executeQuery("select id, name from changed order by id")) {
        check(r.next(), "a row");
        r.updateString("name", "z");
        r.updateRow();
        check(r.next(), "another");
        r.deleteRow();
        r.moveToInsertRow();
        r.updateInt("id", 3);
        r.updateString("name", "c");
        r.insertRow();
      }
      try (ResultSet r = s.executeQuery("select string_agg(id || name, ',' order by id) from changed")) {
        check(r.next() && r.getString(1).equals("1z,3c"), "changes by a result");
      }
      s.execute("drop table changed");
    }
  }

  static void metadata(Connection c) throws Exception {
    try (Statement s = c.createStatement()) {
      s.execute("create table parts (item int not null references items on delete cascade, n int, note text,"
          + " primary key (item, n)); create index parts_note on parts (note); create view names as select name from items;"
          + " comment on table parts is 'pieces'; comment on column parts.note is 'words'");
    }
    DatabaseMetaData m = c.getMetaData();
    equal(m.getDatabaseProductName(), "PostgreSQL");
    check(column(m.getSchemas(), "TABLE_SCHEM").contains("public"), "schemas");
    check(!column(m.getCatalogs(), "TABLE_CAT").isEmpty(), "catalogs");
    equal(column(m.getTables(null, "public", "%", new String[] {"TABLE"}), "TABLE_NAME"), List.of("items", "parts"));
    equal(column(m.getTables(null, "public", "%", new String[] {"VIEW"}), "TABLE_NAME"), List.of("names"));
    equal(column(m.getTables(null, "public", "parts", null), "REMARKS"), List.of("pieces"));
    equal(column(m.getColumns(null, "public", "parts", "%"), "COLUMN_NAME"), List.of("item", "n", "note"));
    equal(column(m.getColumns(null, "public", "parts", "note"), "REMARKS"), List.of("words"));
    equal(column(m.getColumns(null, "public", "items", "%"), "TYPE_NAME"), List.of("serial", "varchar", "numeric"));
    equal(column(m.getColumns(null, "public", "items", "%"), "COLUMN_SIZE"), List.of("10", "20", "8"));
    equal(column(m.getColumns(null, "public", "items", "%"), "IS_NULLABLE"), List.of("NO", "YES", "YES"));
    keys(m);
    updatable(c);
    equal(column(m.getImportedKeys(null, "public", "parts"), "PKTABLE_NAME"), List.of("items"));
    equal(column(m.getExportedKeys(null, "public", "items"), "FKCOLUMN_NAME"), List.of("item"));
    equal(column(m.getCrossReference(null, "public", "items", null, "public", "parts"), "FK_NAME"), List.of("parts_item_fkey"));
    check(column(m.getTypeInfo(), "TYPE_NAME").containsAll(List.of("int4", "text", "numeric")), "types");
    check(!column(m.getTableTypes(), "TABLE_TYPE").isEmpty(), "table types");
    column(m.getTablePrivileges(null, "public", "%"), "PRIVILEGE");
    column(m.getColumnPrivileges(null, "public", "items", "%"), "PRIVILEGE");
    column(m.getProcedures(null, null, "abs"), "PROCEDURE_NAME");
    column(m.getFunctions(null, null, "abs"), "FUNCTION_NAME");
    column(m.getFunctionColumns(null, null, "abs", "%"), "COLUMN_NAME");
    column(m.getUDTs(null, null, "%", null), "TYPE_NAME");
    column(m.getVersionColumns(null, "public", "items"), "COLUMN_NAME");
    column(m.getClientInfoProperties(), "NAME");
    check(m.getSQLKeywords().contains("analyze") || m.getSQLKeywords().length() > 0, "keywords");
    check(m.getMaxColumnNameLength() == 63, m.getMaxColumnNameLength());
    try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("select id as x, name from items")) {
      ResultSetMetaData rows = r.getMetaData();
      equal(rows.getColumnLabel(1), "x");
      equal(rows.getTableName(1), "items");
      check(rows.isAutoIncrement(1), "serial");
      equal(rows.isNullable(1), ResultSetMetaData.columnNoNulls);
      equal(rows.getPrecision(2), 20);
    }
    try (Statement s = c.createStatement()) {
      s.execute("drop view names; drop table parts, items");
    }
  }

  static void login() throws Exception {
    String user = System.getenv("SCRAM_USER"), password = System.getenv("SCRAM_PASSWORD");
    try (Connection c = connect("user", user, "password", password, "sslmode", "require");
        ResultSet r = c.createStatement().executeQuery("select current_user")) {
      check(r.next() && r.getString(1).equals(user), "user");
    }
    fails("28P01", () -> connect("user", user, "password", "wrong", "sslmode", "require"));
  }

  public static void main(String[] arguments) throws Exception {
    try (Connection c = connect()) {
      System.out.println("pgjdbc " + c.getMetaData().getDriverVersion());
      types(c);
      batches(c);
      fetches(c);
      copies(c);
      transactions(c);
      messages(c);
      metadata(c);
    }
    for (String mode : List.of("simple", "extendedForPrepared", "extendedCacheEverything"))
      try (Connection c = connect("preferQueryMode", mode); PreparedStatement s = c.prepareStatement("select ? + 1")) {
        s.setInt(1, 1);
        ResultSet r = s.executeQuery();
        check(r.next() && r.getInt(1) == 2, mode);
      }
    login();
    System.out.println("ok");
  }
}
