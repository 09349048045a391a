"""The 8 x 8 handwritten digits of scikit-learn, upsampled to 28 x 28; no download."""

import torch

from robustprune.data.reader import IMAGE_SIZE, DatasetReader
from robustprune.study.data_settings import DataSettings


class Digits(DatasetReader):
    """Reader of 1,437 training and 360 test images."""

    def train_count(self) -> int:
        return 1_437

    def read(self, name: str, settings: DataSettings) -> dict[str, torch.Tensor]:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        images, labels = load_digits(return_X_y=True)
        small = torch.from_numpy(images).float().view(-1, 1, 8, 8) * (255 / 16)
        large = torch.nn.functional.interpolate(small, size=(IMAGE_SIZE, IMAGE_SIZE), mode="bilinear")
        pixels, targets = large.round().to(torch.uint8).flatten(1), torch.from_numpy(labels).long()
        indices = range(len(targets))
        train, test = train_test_split(indices, test_size=0.2, stratify=labels, random_state=0)
        return {
            "train_images": pixels[train],
            "train_labels": targets[train],
            "test_images": pixels[test],
            "test_labels": targets[test],
        }


DATASET = Digits()
