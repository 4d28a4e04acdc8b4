"""Who does something, and why: what requests that change something tell, and what is audited."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.web.access import Visitor

PRINTED = r"^[^\x00-\x08\x0e-\x1f]*$"
Text = StringConstraints(strip_whitespace=True, pattern=PRINTED)


class Why(BaseModel):
    """Who does it, and why."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Text, Field(min_length=1, max_length=500, description="Why; it is audited.")]
    by: Annotated[str, Text, Field(max_length=40, description="Who; it is audited, with the way that was used.")] = ""


def who(why: Why, visitor: Visitor) -> str:
    """For the audit. It never is the breaker, whatever somebody calls himself."""
    if visitor.is_program:
        return f"{why.by or 'a program'} by API"
    return f"{why.by or 'somebody'} in the console"
