"""SQLAlchemy over psycopg with Alembic: ORM, reflection, autogenerate, upgrade and downgrade."""
import datetime
import os
import pathlib
import tempfile

import alembic.command
import alembic.config
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql

URL = f"postgresql+psycopg://{os.environ['PGUSER']}@{os.environ['PGHOST']}:{os.environ['PGPORT']}/{os.environ['PGDATABASE']}"


class Base(orm.DeclarativeBase):
    metadata = sa.MetaData(naming_convention={"ix": "ix_%(column_0_label)s", "fk": "fk_%(table_name)s_%(column_0_name)s"})


class Author(Base):
    __tablename__ = "author"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(50), unique=True)
    books: orm.Mapped[list["Book"]] = orm.relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "book"
    __table_args__ = (sa.CheckConstraint("price >= 0", name="price_ok"), sa.Index("ix_book_title_year", "title", "year"),
                      {"comment": "what is read"})
    id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, primary_key=True)
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("author.id", ondelete="CASCADE"), index=True)
    title: orm.Mapped[str] = orm.mapped_column(sa.Text, comment="as printed")
    year: orm.Mapped[int | None] = orm.mapped_column(sa.SmallInteger, server_default="2000")
    price: orm.Mapped[float] = orm.mapped_column(sa.Numeric(10, 2), default=1)
    made: orm.Mapped[datetime.datetime] = orm.mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
    tags: orm.Mapped[list[str]] = orm.mapped_column(postgresql.ARRAY(sa.Text), default=list)
    extra: orm.Mapped[dict] = orm.mapped_column(postgresql.JSONB, default=dict)
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


def objects(engine):
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        ann = Author(name="ann", books=[Book(title="a", price=3), Book(title="b", tags=["x", "y"], extra={"k": [1]})])
        session.add_all([ann, Author(name="bob")])
        session.add_all([Author(name=f"name{n}") for n in range(200)])
        session.commit()
        assert ann.id and ann.books[1].year == 2000 and ann.books[1].made.tzinfo
        found = session.scalars(sa.select(Author).options(orm.joinedload(Author.books)).where(Author.name == "ann")).unique().one()
        assert [book.title for book in found.books] == ["a", "b"]
        counted = session.execute(sa.select(Author.name, sa.func.count(Book.id)).outerjoin(Book).group_by(Author.id)
                                  .order_by(sa.func.count(Book.id).desc(), Author.name).limit(2)).all()
        assert counted == [("ann", 2), ("bob", 0)], counted
        assert session.scalar(sa.select(Book.title).where(Book.tags.contains(["x"]))) == "b"
        assert session.scalar(sa.select(Book.title).where(Book.extra["k"][0].as_integer() == 1)) == "b"
        with session.begin_nested() as nested:
            session.add(Author(name="carl"))
            session.flush()
            nested.rollback()
        try:
            session.add(Author(name="ann"))
            session.flush()
            raise AssertionError("no error")
        except sa.exc.IntegrityError as error:
            assert error.orig.diag.constraint_name == "author_name_key", error.orig.diag.constraint_name
            session.rollback()
        session.execute(postgresql.insert(Author).values(id=1, name="ann2").on_conflict_do_update(
            index_elements=[Author.id], set_={"name": "ann2"}))
        session.execute(sa.update(Book).where(Book.title == "a").values(price=Book.price * 2))
        assert session.scalar(sa.select(sa.func.sum(Book.price))) == 7
        session.delete(session.get(Author, 1))
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(Book)) == 0
        streamed = session.execute(sa.select(Author.id).execution_options(yield_per=10))
        assert len(list(streamed)) == 201


def reflection(engine):
    inspector = sa.inspect(engine)
    assert inspector.get_schema_names() and "public" in inspector.get_schema_names()
    assert set(inspector.get_table_names()) >= {"author", "book"}
    columns = {column["name"]: column for column in inspector.get_columns("book")}
    assert str(columns["price"]["type"]) == "NUMERIC(10, 2)" and not columns["price"]["nullable"]
    assert "nextval" in columns["id"]["default"] and columns["year"]["default"].strip("'").startswith("2000")
    assert isinstance(columns["tags"]["type"], postgresql.ARRAY) and columns["title"]["comment"] == "as printed"
    assert columns["made"]["type"].timezone
    assert inspector.get_pk_constraint("book")["constrained_columns"] == ["id"]
    (foreign,) = inspector.get_foreign_keys("book")
    assert (foreign["constrained_columns"], foreign["referred_table"], foreign["options"]) == (
        ["author_id"], "author", {"ondelete": "CASCADE"}), foreign
    indexes = {index["name"]: index["column_names"] for index in inspector.get_indexes("book")}
    assert indexes == {"ix_book_author_id": ["author_id"], "ix_book_title_year": ["title", "year"]}, indexes
    assert [unique["name"] for unique in inspector.get_unique_constraints("author")] == ["author_name_key"]
    (check,) = inspector.get_check_constraints("book")
    assert check["name"] == "price_ok" and "price" in check["sqltext"], check
    assert inspector.get_table_comment("book") == {"text": "what is read"}
    with engine.begin() as connection:
        connection.execute(sa.text("create view names as select name from author"))
    inspector = sa.inspect(engine)
    assert inspector.get_view_names() == ["names"] and "author" in inspector.get_view_definition("names")
    assert {"author_id_seq", "book_id_seq"} <= set(inspector.get_sequence_names())
    inspector.get_materialized_view_names(), inspector.get_temp_table_names(), inspector.get_enums(), inspector.get_domains()
    known = sa.MetaData()
    known.reflect(engine, views=True)
    assert set(known.tables) >= {"author", "book", "names"}
    assert "author_id" in str(sa.schema.CreateTable(known.tables["book"]).compile(engine))
    with engine.begin() as connection:
        connection.execute(sa.text("drop view names"))


def migrations(engine):
    def difference():
        with engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True}
            return compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
    assert difference() == [], difference()
    with tempfile.TemporaryDirectory() as folder:
        config = alembic.config.Config(str(pathlib.Path(folder) / "alembic.ini"), stdout=open(os.devnull, "w"))
        config.set_main_option("script_location", str(pathlib.Path(folder) / "scripts"))
        config.set_main_option("sqlalchemy.url", URL)
        alembic.command.init(config, str(pathlib.Path(folder) / "scripts"))
        (pathlib.Path(folder) / "scripts" / "env.py").write_text(
            "from alembic import context\n"
            "from sqlalchemy import create_engine\n"
            "with create_engine(context.config.get_main_option('sqlalchemy.url')).connect() as connection:\n"
            "    context.configure(connection, target_metadata=context.config.attributes['metadata'])\n"
            "    with context.begin_transaction():\n"
            "        context.run_migrations()\n")
        changed = sa.MetaData()
        for table in Base.metadata.tables.values():
            table.to_metadata(changed)
        changed.tables["author"].append_column(sa.Column("born", sa.Date))
        sa.Table("prize", changed, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text, nullable=False),
                 sa.Column("author_id", sa.ForeignKey("author.id")), sa.UniqueConstraint("name", name="prize_name"))
        config.attributes["metadata"] = changed
        alembic.command.revision(config, "prizes", autogenerate=True)
        alembic.command.upgrade(config, "head")
        inspector = sa.inspect(engine)
        assert inspector.has_table("prize") and "born" in [column["name"] for column in inspector.get_columns("author")]
        alembic.command.check(config)
        alembic.command.downgrade(config, "base")
        assert not sa.inspect(engine).has_table("prize")
    assert difference() == [], difference()
    with engine.begin() as connection:
        connection.execute(sa.text("drop table alembic_version"))


def main():
    print("SQLAlchemy", sa.__version__, "Alembic", alembic.__version__)
    engine = sa.create_engine(URL)
    for test in (objects, reflection, migrations):
        test(engine)
        print("ok", test.__name__)
    for level in ("READ COMMITTED", "SERIALIZABLE", "AUTOCOMMIT"):
        with engine.connect().execution_options(isolation_level=level) as connection:
            connection.execute(sa.text("select 1"))
    Base.metadata.drop_all(engine)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


main()
