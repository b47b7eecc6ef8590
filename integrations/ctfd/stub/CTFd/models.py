"""Tables with the columns that the plugin reads, on a real SQLAlchemy: its events are the real ones."""

from datetime import datetime

from sqlalchemy import JSON, Boolean, Column, DateTime, Integer, String, Text, create_engine
from sqlalchemy.orm import declarative_base, scoped_session, sessionmaker
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)


class db:
    session = scoped_session(sessionmaker(bind=engine))


Model = declarative_base()
Model.query = db.session.query_property()


class Users(Model):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String(128))
    type = Column(String(80), default="user")
    banned = Column(Boolean, default=False)
    team_id = Column(Integer)

    @property
    def account_id(self):
        from CTFd.utils import get_config

        return self.team_id if get_config("user_mode") == "teams" else self.id


class Teams(Model):
    __tablename__ = "teams"
    id = Column(Integer, primary_key=True)
    name = Column(String(128))
    banned = Column(Boolean, default=False)


class Challenges(Model):
    __tablename__ = "challenges"
    id = Column(Integer, primary_key=True)
    name = Column(String(80))
    state = Column(String(80), default="visible")
    requirements = Column(JSON)


class Flags(Model):
    __tablename__ = "flags"
    id = Column(Integer, primary_key=True)
    challenge_id = Column(Integer)
    type = Column(String(80))
    content = Column(Text)
    data = Column(Text)


class Configs(Model):
    __tablename__ = "config"
    id = Column(Integer, primary_key=True)
    key = Column(String(128))
    value = Column(Text)


class Submissions(Model):
    __tablename__ = "submissions"
    id = Column(Integer, primary_key=True)
    challenge_id = Column(Integer)
    user_id = Column(Integer)
    team_id = Column(Integer)
    account_id = Column(Integer)
    ip = Column(String(46))
    provided = Column(Text)
    type = Column(String(32))
    date = Column(DateTime, default=datetime.utcnow)
    __mapper_args__ = {"polymorphic_on": type}


class Solves(Submissions):
    __mapper_args__ = {"polymorphic_identity": "correct"}


class Fails(Submissions):
    __mapper_args__ = {"polymorphic_identity": "incorrect"}


Model.metadata.create_all(engine)
