"""medusa's medusa_gif: the picture on its status page; this jellyfish is our own."""

from base64 import b64decode

width, height = 48, 40

#: A GIF.
data = b64decode(
    "R0lGODlhMAAoAJEAAP///zBgkKjI6AAAACH5BAEAAAAALAAAAAAwACgAAAKqhI+py+0Po5y02otN2Hxn2oXh54jm"
    "SCbnyqUHJ8Qx27mdLNPtd+Oz7sGIfALgzjLEGY+VJfDiNCKjuimVZb2eslpRppgAG8RiQJl0JgfG68P5U4630+2U"
    "nO2u4+3zPuL9dnFnphcYWKGWF6a3J+in+MdI+PXYCBnpeGm5efhAt6gAKAnxCWq6GSEayjiIyCqpipoKS4s5idF5"
    "qus6u5Ar8Ysa7EJcbHz8UAAAOw=="
)
