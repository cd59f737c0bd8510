"""Write the reference below the working directory."""

from oso_processors.reference import write

write()
