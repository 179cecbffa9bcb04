"""What griffe must be told of this package's docstrings to make the API pages."""

import griffe


class HouseStyle(griffe.Extension):
    """Reads "Example:" as code, and pydantic's dataclasses as dataclasses."""

    def on_object(self, *, obj, **_):
        if obj.docstring:
            text = obj.docstring.value
            obj.docstring.value = text.replace("Example:\n", "Examples:\n")

    def on_module_members(self, *, mod, **_):
        for name in ("dataclass", "validated"):
            if name in mod.members and mod.members[name].is_alias:
                mod.members[name].target_path = "dataclasses.dataclass"
